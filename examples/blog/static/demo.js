// Sends the form without leaving the page. Without this script the form still works.
const form = document.getElementById("revalidate-form");
const button = document.getElementById("revalidate");
const receipt = document.getElementById("receipt");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  try {
    const answer = await fetch(form.action, { method: "POST", headers: { accept: "application/json" } });
    receipt.textContent = answer.ok
      ? JSON.stringify(await answer.json(), null, 2)
      : `The server answered ${answer.status}.`;
  } catch {
    receipt.textContent = "The server cannot be reached.";
  } finally {
    receipt.hidden = false;
    button.disabled = false;
  }
});
