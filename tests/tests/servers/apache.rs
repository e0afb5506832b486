//! Apache as the origin, as its documentation and its users configure it.

use crate::server::{Directory, Server};
use crate::{GZIP, NONE, ROUNDS, Stage, directory_with_page};

const MODULES: [&str; 9] = [
    "mpm_event",
    "authz_core",
    "mime",
    "filter",
    "deflate",
    "headers",
    "expires",
    "negotiation",
    "rewrite",
];

/// Starts Apache with a virtual host for each name and its directives.
async fn apache(directory: Directory, hosts: &[(&str, &str)]) -> Stage {
    let modules = MODULES
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"));
    let server = Server::start("apache2", directory, |directory, address| {
        let path = directory.path().display();
        let hosts = hosts.iter().map(|(name, directives)| {
            format!(
                "<VirtualHost *>\n\
                 ServerName {name}\n\
                 DocumentRoot {path}/html\n\
                 {directives}\n\
                 </VirtualHost>\n"
            )
        });
        let configuration = format!(
            "ServerRoot {path}\n\
             ServerName localhost\n\
             Listen {address}\n\
             User www-data\n\
             Group www-data\n\
             PidFile pid\n\
             ErrorLog log\n\
             Mutex file:{path} default\n\
             StartServers 1\n\
             {modules}\
             TypesConfig /dev/null\n\
             AddType text/html .html\n\
             AddEncoding gzip .gz\n\
             {hosts}",
            modules = modules.concat(),
            hosts = hosts.collect::<String>(),
        );
        directory.write("apache.conf", configuration);
        let arguments = ["-f", &format!("{path}/apache.conf"), "-D", "FOREGROUND"];
        arguments.map(str::to_owned).to_vec()
    })
    .await;
    Stage::new(server)
}

/// Apache 2.4.71 never confirms its own `"…-gzip"`: it sends the whole page with each revalidation.
/// It sends a 304 with another tag where users have mended that by the usual `RequestHeader edit`
/// (it confirms `"…"`), and with `Remove` (the 304 has a tag, which the page had not).
#[tokio::test]
#[ignore = "needs apache2; run by .ci/run"]
async fn a_compressed_page_is_revalidated_whatever_apache_does_with_its_tag() {
    const DEFLATE: &str = "AddOutputFilterByType DEFLATE text/html\n";
    const EDIT: &str =
        r#"RequestHeader edit "If-None-Match" "^\"((.*)-(gzip|br))\"$" "\"$1\", \"$2\"""#;
    const MAX_AGE: &str = "Header set Cache-Control max-age=1\n";
    const EXPIRES: &str = "ExpiresActive on\nExpiresDefault \"access plus 1 seconds\"\n";
    let cases = [
        ("default", MAX_AGE, "", false),
        ("suffix", MAX_AGE, "DeflateAlterETag AddSuffix", false),
        ("edited", MAX_AGE, EDIT, true),
        ("edited-expires", EXPIRES, EDIT, true),
        ("no-change", MAX_AGE, "DeflateAlterETag NoChange", false),
        ("remove", MAX_AGE, "DeflateAlterETag Remove", true),
        ("remove-expires", EXPIRES, "DeflateAlterETag Remove", true),
    ];
    let directives =
        cases.map(|(host, lifetime, tag, _)| (host, format!("{lifetime}{DEFLATE}{tag}")));
    let hosts = directives
        .each_ref()
        .map(|(host, directives)| (*host, directives.as_str()));
    let stage = apache(directory_with_page(), &hosts).await;

    stage.visit_in_rounds(&hosts.map(|(host, _)| host)).await;

    for (host, _, _, is_another_named) in cases {
        let (all, of_another) = stage.not_modified(host);
        println!("{host}: {all} of Apache's responses were 304s, {of_another} with another tag");
        assert_eq!(of_another > 0, is_another_named, "{host}");
        assert!(stage.conditional(host) >= ROUNDS, "{host}");
        // A request of its own follows each of those, and nothing else does.
        let requests = 2 * (1 + ROUNDS) + of_another;
        assert_eq!(stage.origin.exchanges(host).len(), requests, "{host}");
    }
}

/// `mod_rewrite` names `Accept-Encoding` in `Vary` where its condition holds, and nowhere with `NV`.
#[tokio::test]
#[ignore = "needs apache2; run by .ci/run"]
async fn each_client_gets_its_own_encoding_of_files_that_apache_has_in_gzip() {
    let rewritten = |condition: &str, last: &str| {
        format!(
            "Header set Cache-Control max-age=60\n\
             RewriteEngine On\n\
             {condition}\n\
             RewriteRule ^/page$ /page.html.gz [PT,L,T=text/html]\n\
             {last}"
        )
    };
    let plain = "RewriteRule ^/page$ /page.html [PT,L]";
    let condition = "RewriteCond %{HTTP:Accept-Encoding} gzip";
    let views = "Header set Cache-Control max-age=60\n\
                 <Directory \"/\">\nOptions +MultiViews\n</Directory>";
    let [vary, no_vary, always] = [
        rewritten(condition, plain),
        rewritten(&format!("{condition} [NV]"), plain),
        rewritten("", ""),
    ];
    // Of four requests by each order of the clients, so many reach Apache.
    let cases = [
        ("vary", vary.as_str(), [2, 1]),
        ("no-vary", no_vary.as_str(), [2, 1]),
        ("always", always.as_str(), [4, 4]),
        ("views", views, [2, 2]),
    ];
    let hosts = cases.map(|(host, directives, _)| (host, directives));
    let stage = apache(directory_with_page(), &hosts).await;

    for (host, _, [gzip_first, plain_first]) in cases {
        let asked = [
            stage.visit_as_two(host, "/page?1", [GZIP, NONE]).await,
            stage.visit_as_two(host, "/page?2", [NONE, GZIP]).await,
        ];

        assert_eq!(asked, [gzip_first, plain_first], "{host}");
    }
}

/// Without a tag, Apache has only a date for a file. Its tag has the microseconds.
#[tokio::test]
#[ignore = "needs apache2; run by .ci/run"]
async fn a_file_that_is_replaced_within_a_second_is_not_confirmed_by_its_date() {
    let max_age = "Header set Cache-Control max-age=1\n";
    let dated = format!("{max_age}FileETag None");
    let hosts = [("dated", dated.as_str()), ("tagged", max_age)];
    let stage = apache(Directory::new(), &hosts).await;

    stage
        .replace_within_a_second(&[("dated", "two"), ("tagged", "two")])
        .await;
}
