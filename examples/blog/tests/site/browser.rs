//! Tests the blog in a real browser, with its scripts, forms and cookies.

use crate::blog::{Blog, SECRET};
use crate::chromium::Browser;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver; run by .ci/run"]
async fn the_demo_keeps_its_time_over_reloads_until_the_button_is_pressed() {
    let blog = Blog::start();
    let browser = Browser::open(&blog.addr()).await;
    browser.go("/demo").await;
    let first = browser.text("#timestamp").await;
    browser.reload().await;
    assert_eq!(browser.text("#timestamp").await, first);

    browser.click("#revalidate").await;
    let receipt = browser.text("#receipt").await;
    browser.photograph("demo").await;

    assert!(receipt.contains(r#""revalidated": true"#), "{receipt}");
    assert!(receipt.contains(r#""status": "regenerated""#), "{receipt}");
    assert_eq!(
        browser.text("#timestamp").await,
        first,
        "the script does not leave the page"
    );
    browser.reload().await;
    assert_ne!(browser.text("#timestamp").await, first);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver; run by .ci/run"]
async fn an_edit_that_is_published_shows_on_the_post_and_on_the_list() {
    let blog = Blog::start();
    let browser = Browser::open(&blog.addr()).await;
    browser.go("/").await;
    browser.photograph("index").await;
    browser.go("/posts/salt").await;
    assert_ne!(browser.text("h1").await, "Pepper, at last");
    log_in(&browser).await;

    browser.click(r#"a[href="/admin/posts/salt"]"#).await;
    browser.fill("#title", "Pepper, at last").await;
    browser.fill("#body", "A **new** text about pepper.").await;
    browser.click("#publish").await;
    assert_eq!(browser.text("article h1").await, "Pepper, at last");
    browser.photograph("published").await;

    browser.reload().await;
    assert_eq!(browser.text("article h1").await, "Pepper, at last");
    assert_eq!(browser.text("article strong").await, "new");
    browser.go("/").await;
    assert_eq!(
        browser.text(r#"a[href="/posts/salt"]"#).await,
        "Pepper, at last"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver; run by .ci/run"]
async fn a_new_post_is_written_published_and_read() {
    let blog = Blog::start();
    let browser = Browser::open(&blog.addr()).await;
    log_in(&browser).await;
    browser.photograph("admin").await;

    browser.click("#new summary").await;
    browser.fill("#title", "Hello there").await;
    browser.fill("#body", "A first line.").await;
    browser.click("#publish").await;
    browser.text("article h1").await;
    browser.go("/").await;
    browser.click(r#"a[href="/posts/hello-there"]"#).await;

    assert_eq!(browser.text("h1").await, "Hello there");
    assert_eq!(browser.text("article p:last-child").await, "A first line.");
}

/// Returns the text of each date that goes over more than one line.
const BROKEN_DATES: &str = r#"
    return [...document.querySelectorAll("time, .about, #timestamp")]
        .filter((element) => element.matches("time, #timestamp") || !element.children.length)
        .filter((element) => {
            const range = document.createRange();
            range.selectNodeContents(element);
            return range.getClientRects().length > 1;
        })
        .map((element) => element.textContent);
"#;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromedriver; run by .ci/run"]
async fn on_a_telephone_each_date_is_on_one_line_and_nothing_is_wider_than_the_screen() {
    let blog = Blog::start();
    let browser = Browser::open_on_telephone(&blog.addr(), 360).await;
    log_in(&browser).await;
    for path in [
        "/",
        "/posts/salt",
        "/tags/bread",
        "/demo",
        "/admin",
        "/admin/posts/salt",
    ] {
        browser.go(path).await;
        browser.text("h1").await;

        let broken = browser.run(BROKEN_DATES).await;
        let wide = browser
            .run("return document.documentElement.scrollWidth > innerWidth;")
            .await;

        assert_eq!(broken, serde_json::json!([]), "{path}");
        assert_eq!(wide, serde_json::json!(false), "{path}");
    }
    browser.photograph("telephone").await;
}

async fn log_in(browser: &Browser) {
    browser.go("/admin").await;
    browser.fill("#secret", SECRET).await;
    browser.click("#login button").await;
    browser.text("#posts").await;
}
