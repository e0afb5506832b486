//! nginx as the origin.

use crate::server::{Directory, Server};
use crate::{GZIP, NONE, ROUNDS, Stage, directory_with_page};

/// Starts nginx with a server for each name and its directives.
async fn nginx(directory: Directory, hosts: &[(&str, &str)]) -> Stage {
    let server = Server::start("nginx", directory, |directory, address| {
        let path = directory.path().display();
        let hosts = hosts.iter().map(|(name, directives)| {
            format!("server {{ listen {address}; server_name {name}; {directives} }}\n")
        });
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {path}/temporary;\n"));
        let configuration = format!(
            "daemon off;\n\
             pid {path}/pid;\n\
             error_log stderr;\n\
             events {{}}\n\
             http {{\n\
             access_log off;\n\
             types {{ text/html html; }}\n\
             root {path}/html;\n\
             {temporary}{hosts}\
             }}\n",
            temporary = temporary.concat(),
            hosts = hosts.collect::<String>(),
        );
        directory.write("nginx.conf", configuration);
        let configuration = format!("{path}/nginx.conf");
        let arguments = [
            "-e",
            "stderr",
            "-p",
            &path.to_string(),
            "-c",
            &configuration,
        ];
        arguments.map(str::to_owned).to_vec()
    })
    .await;
    Stage::new(server)
}

/// nginx confirms its weak tag by the strong one, and has no `Vary` in most of its 304s.
#[tokio::test]
#[ignore = "needs nginx; run by .ci/run"]
async fn a_304_of_nginx_is_taken_for_the_response_that_was_asked_about() {
    const MAX_AGE: &str = "gzip_vary on; add_header Cache-Control max-age=1;";
    let cases = [
        ("weak", "gzip on;"),
        ("static", "gzip_static on;"),
        ("dated", "gzip on; etag off;"),
        ("dated-static", "gzip_static on; etag off;"),
    ];
    let directives = cases.map(|(host, directives)| (host, format!("{MAX_AGE} {directives}")));
    let hosts = directives
        .each_ref()
        .map(|(host, directives)| (*host, directives.as_str()));
    let stage = nginx(directory_with_page(), &hosts).await;

    stage.visit_in_rounds(&hosts.map(|(host, _)| host)).await;

    for (host, _) in cases {
        let (all, of_another) = stage.not_modified(host);
        println!("{host}: {all} of nginx's responses were 304s");
        assert_eq!(of_another, 0, "{host}");
        assert!(all >= ROUNDS, "{host}: {all}");
        assert_eq!(all, stage.conditional(host), "{host}");
        // Each 304 was taken: no second request followed it.
        let exchanges = stage.origin.exchanges(host);
        assert_eq!(exchanges.len(), 2 * (1 + ROUNDS), "{host}");
    }
}

/// `gzip_vary` is off by default. It adds no `Vary` to `gzip_static always`, which sends gzip to
/// every client.
#[tokio::test]
#[ignore = "needs nginx; run by .ci/run"]
async fn each_client_gets_its_own_encoding_from_nginx_with_vary_and_without() {
    // Of four requests by each order of the clients, so many reach nginx.
    let cases = [
        ("static", "gzip_static on;", [2, 1]),
        ("static-vary", "gzip_static on; gzip_vary on;", [2, 2]),
        ("dynamic", "gzip on;", [2, 1]),
        ("dynamic-vary", "gzip on; gzip_vary on;", [2, 2]),
        ("always", "gzip_static always;", [4, 4]),
        ("always-vary", "gzip_static always; gzip_vary on;", [4, 4]),
        (
            "header",
            "try_files /page.html.gz =404; types {} default_type text/html; \
             add_header Content-Encoding gzip;",
            [4, 4],
        ),
    ];
    let directives = cases.map(|(host, directives, _)| {
        let lifetime = "add_header Cache-Control max-age=60;";
        (host, format!("{lifetime} {directives}"))
    });
    let hosts = directives
        .each_ref()
        .map(|(host, directives)| (*host, directives.as_str()));
    let stage = nginx(directory_with_page(), &hosts).await;

    for (host, _, [gzip_first, plain_first]) in cases {
        let target = |number| format!("/page.html?{number}");
        let asked = [
            stage.visit_as_two(host, &target(1), [GZIP, NONE]).await,
            stage.visit_as_two(host, &target(2), [NONE, GZIP]).await,
        ];

        assert_eq!(asked, [gzip_first, plain_first], "{host}");
    }
}

/// The tag of nginx is made of the second and the length: two contents of one length and one second
/// have one tag, and no cache can tell them apart. So the second file here is longer if it has one.
#[tokio::test]
#[ignore = "needs nginx; run by .ci/run"]
async fn a_file_that_is_replaced_within_a_second_is_not_confirmed_by_its_date() {
    let max_age = "add_header Cache-Control max-age=1;";
    let dated = format!("{max_age} etag off;");
    let hosts = [("dated", dated.as_str()), ("tagged", max_age)];
    let stage = nginx(Directory::new(), &hosts).await;

    stage
        .replace_within_a_second(&[("dated", "two"), ("tagged", "three")])
        .await;
}
