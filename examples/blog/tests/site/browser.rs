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
    let notice = browser.text("[role=status]").await;
    browser.photograph("published").await;

    assert!(
        notice.starts_with("Published: the pages are renewed."),
        "{notice}"
    );
    browser.go("/posts/salt").await;
    assert_eq!(browser.text("h1").await, "Pepper, at last");
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
    browser.text("[role=status]").await;
    browser.go("/").await;
    browser.click(r#"a[href="/posts/hello-there"]"#).await;

    assert_eq!(browser.text("h1").await, "Hello there");
    assert_eq!(browser.text("article p:last-child").await, "A first line.");
}

async fn log_in(browser: &Browser) {
    browser.go("/admin").await;
    browser.fill("#secret", SECRET).await;
    browser.click("#login button").await;
    browser.text("#posts").await;
}
