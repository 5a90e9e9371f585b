//! TLS with real servers that the tests start: an authority of the test's own, certificates for the right name and for a
//! wrong one, expired ones, ones that nobody signed, and servers that ask for ours.

use std::path::Path;

use purlin_schema::settings::DatabaseSettings;
use purlin_store::migrate::Migrator;
use purlin_store::testing::{Cluster, Maria};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use tempfile::TempDir;

use crate::support::Site;

/// A certificate and its key, as PEM.
struct Signed {
    certificate: String,
    key: String,
}

/// Who signs.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

fn named(name: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts).expect("names");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Authority {
    fn new(name: &str) -> Authority {
        let mut params = named(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate").pem();
        Authority { issuer: Issuer::new(params, key), certificate }
    }

    fn sign(&self, params: &CertificateParams) -> Signed {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        Signed { certificate, key: key.serialize_pem() }
    }

    fn client(&self, name: &str) -> Signed {
        let mut params = named(name, &[]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(&params)
    }
}

/// Every certificate of the tests, in a folder for clients.
struct Certificates {
    ours: Authority,
    folder: TempDir,
    right: Signed,
    astray: Signed,
    expired: Signed,
    lone: Signed,
}

impl Certificates {
    fn new() -> Certificates {
        let (ours, others) = (Authority::new("our authority"), Authority::new("another authority"));
        let here = ["localhost", "127.0.0.1"];
        let right = ours.sign(&named("server", &here));
        let astray = ours.sign(&named("server", &["db.example.org"]));
        let mut old = named("server", &here);
        (old.not_before, old.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2020, 2, 1));
        let expired = ours.sign(&old);
        let key = KeyPair::generate().expect("a key");
        let certificate = named("nobody", &here).self_signed(&key).expect("a certificate").pem();
        let lone = Signed { certificate, key: key.serialize_pem() };
        let folder = tempfile::tempdir().expect("a folder");
        let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
        put("ours.pem", &ours.certificate);
        put("others.pem", &others.certificate);
        put("lone.pem", &lone.certificate);
        for (name, signed) in [("ann", ours.client("ann")), ("eve", others.client("ann"))] {
            put(&format!("{name}.pem"), &signed.certificate);
            put(&format!("{name}.key"), &signed.key);
        }
        Certificates { ours, folder, right, astray, expired, lone }
    }

    /// A URL's parameters, with the names of files in braces.
    fn filled(&self, parameters: &str) -> String {
        let folder = self.folder.path().display().to_string();
        parameters.replace('{', &format!("{folder}/")).replace('}', "")
    }
}

/// What comes of connecting: nothing, or what is said.
fn told(url: &str) -> Result<(), String> {
    let opened = Migrator::open(url, Path::new("/nowhere"));
    opened.and_then(|migrator| migrator.status()).map(|_| ()).map_err(|error| error.to_string())
}

/// Tries parameters, each with what is said of them, or nothing where they are taken.
fn try_all(url: &str, certificates: &Certificates, cases: &[(&str, &str)]) {
    for (parameters, said) in cases {
        let url = format!("{url}?{}", certificates.filled(parameters));
        match told(&url) {
            Ok(()) => assert!(said.is_empty(), "{url} is taken, and should not be: {said}"),
            Err(message) => {
                assert!(!said.is_empty() && message.contains(said), "{url}: {message}\nshould be: {said:?}");
                assert!(!message.contains("secret"), "{message}");
            }
        }
    }
}

const UNKNOWN: &str = "of no authority that is known here; name the file of its authority with sslrootcert=";
const ELSEWHERE: &str =
    "its certificate is for DnsName(\"db.example.org\"); write the host as the certificate names it";
const EXPIRED: &str = "its certificate has expired; renew it there, or set this machine's clock right";
const NONE: &str = "does not speak TLS: switch it on there, or write sslmode=disable where the way is safe";
const UNSAID: &str = "whether the server asks for TLS or a certificate (sslmode=, sslcert=)";
const WANTED: &str = "wants TLS: write sslmode=verify-full in database.url";

#[test]
fn postgresql_is_believed_as_far_as_its_certificate_goes() {
    let Some(cluster) = Cluster::new() else { return };
    let all = Certificates::new();
    let url = |host: &str| format!("postgres://ann:secret@{host}:{}/postgres", cluster.port);
    cluster.ask("CREATE ROLE ann LOGIN SUPERUSER");
    for (parameters, said) in
        [("", ""), ("sslmode=require", NONE), ("sslmode=verify-full&sslrootcert={ours.pem}", NONE)]
    {
        try_all(&url("localhost"), &all, &[(parameters, said)]);
    }

    let authority = cluster.file("ours.pem", &all.ours.certificate);
    let shows = |signed: &Signed, name: &str| {
        let certificate = cluster.file(&format!("{name}.pem"), &signed.certificate);
        let key = cluster.file(&format!("{name}.key"), &signed.key);
        cluster.ask(&format!("ALTER SYSTEM SET ssl_cert_file = '{}'", certificate.display()));
        cluster.ask(&format!("ALTER SYSTEM SET ssl_key_file = '{}'", key.display()));
        cluster.ask("ALTER SYSTEM SET ssl = on");
        cluster.ask("SELECT pg_reload_conf()");
        while cluster.ask("SHOW ssl_key_file") != key.display().to_string() || cluster.ask("SHOW ssl") != "on"
        {
        }
    };
    shows(&all.right, "right");
    for host in ["localhost", "127.0.0.1"] {
        try_all(
            &url(host),
            &all,
            &[
                ("sslmode=verify-full&sslrootcert={ours.pem}", ""),
                ("sslmode=verify-ca&sslrootcert={ours.pem}", ""),
                ("sslrootcert={ours.pem}", ""),
                ("sslmode=require", ""),
                ("sslmode=prefer", ""),
                ("sslmode=disable", ""),
                ("sslmode=verify-full", UNKNOWN),
                ("sslmode=verify-full&sslrootcert={others.pem}", UNKNOWN),
                ("sslmode=verify-ca&sslrootcert={others.pem}", UNKNOWN),
                // As `libpq` has it: an authority is never given for nothing.
                ("sslmode=require&sslrootcert={others.pem}", UNKNOWN),
                ("sslmode=verify-full&sslrootcert={missing.pem}", "missing.pem cannot be read"),
            ],
        );
    }
    shows(&all.astray, "astray");
    try_all(
        &url("localhost"),
        &all,
        &[
            ("sslmode=verify-full&sslrootcert={ours.pem}", ELSEWHERE),
            ("sslmode=verify-ca&sslrootcert={ours.pem}", ""),
            ("sslmode=require", ""),
        ],
    );
    shows(&all.expired, "expired");
    try_all(
        &url("localhost"),
        &all,
        &[
            ("sslmode=verify-full&sslrootcert={ours.pem}", EXPIRED),
            ("sslmode=verify-ca&sslrootcert={ours.pem}", EXPIRED),
            ("sslmode=require", ""),
        ],
    );
    shows(&all.lone, "lone");
    try_all(
        &url("localhost"),
        &all,
        &[
            ("sslmode=verify-full&sslrootcert={ours.pem}", UNKNOWN),
            // Whoever is given the very certificate believes it.
            ("sslmode=verify-full&sslrootcert={lone.pem}", ""),
            ("sslmode=require", ""),
        ],
    );

    // The server asks for ours.
    shows(&all.right, "right again");
    cluster.ask(&format!("ALTER SYSTEM SET ssl_ca_file = '{}'", authority.display()));
    cluster.lets_in("hostssl all all 127.0.0.1/32 cert\nhostssl all all ::1/128 cert");
    while cluster.ask("SHOW ssl_ca_file").is_empty() {}
    let verified = "sslmode=verify-full&sslrootcert={ours.pem}";
    let with = |name: &str| format!("{verified}&sslcert={{{name}.pem}}&sslkey={{{name}.key}}");
    try_all(
        &url("localhost"),
        &all,
        &[
            (&with("ann"), ""),
            (verified, "lets ann in with a certificate alone: name its file and that of its key"),
            (&with("eve"), "does not take the certificate of sslcert (UnknownCA)"),
            ("sslmode=disable", WANTED),
            (&format!("{verified}&sslcert={{ann.pem}}"), "sslcert and sslkey are given together"),
            (&format!("{verified}&sslcert={{ann.pem}}&sslkey={{ann.pem}}"), "sslkey="),
        ],
    );
    // Another one than the certificate is for.
    let eve = format!("postgres://postgres@localhost:{}/postgres", cluster.port);
    try_all(&eve, &all, &[(&with("ann"), "does not let postgres in")]);
    works(&format!("{}?{}", url("localhost"), all.filled(&with("ann"))), || {
        let seen = "SELECT count(*) > 0 AND bool_and(ssl AND client_dn = '/CN=ann') FROM pg_stat_ssl \
                    JOIN pg_stat_activity USING (pid) WHERE usename = 'ann'";
        assert_eq!(cluster.ask(seen), "t");
    });
}

#[test]
fn mariadb_is_believed_as_far_as_its_certificate_goes() {
    let all = Certificates::new();
    let options =
        ["--ssl-cert={folder}/server.pem", "--ssl-key={folder}/server.key", "--ssl-ca={folder}/ca.pem"];
    let Some(mut server) = Maria::new(&[]) else { return };
    server
        .ask("CREATE DATABASE shop CHARACTER SET utf8mb4; CREATE USER ann@'%'; GRANT ALL ON *.* TO ann@'%'");
    let url = |server: &Maria, host: &str| server.url("ann", host, "shop");
    try_all(&url(&server, "localhost"), &all, &[("", ""), ("ssl-mode=REQUIRED", NONE)]);

    server.stop();
    server.file("ca.pem", &all.ours.certificate);
    let shows = |server: &Maria, signed: &Signed| {
        server.file("server.pem", &signed.certificate);
        server.file("server.key", &signed.key);
    };
    shows(&server, &all.right);
    server.start_with(&options);
    for host in ["localhost", "127.0.0.1"] {
        try_all(
            &url(&server, host),
            &all,
            &[
                ("ssl-mode=VERIFY_IDENTITY&ssl-ca={ours.pem}", ""),
                ("sslmode=verify-full&sslrootcert={ours.pem}", ""),
                ("ssl-mode=REQUIRED", ""),
                ("ssl-mode=PREFERRED", ""),
                ("ssl-mode=DISABLED", ""),
                ("ssl-mode=VERIFY_IDENTITY", UNKNOWN),
                ("ssl-mode=VERIFY_IDENTITY&ssl-ca={others.pem}", UNKNOWN),
                ("ssl-mode=VERIFY_CA&ssl-ca={ours.pem}", "write ssl-mode=VERIFY_IDENTITY"),
                // An authority is never given for nothing here either.
                ("ssl-mode=REQUIRED&ssl-ca={others.pem}", "write ssl-mode=VERIFY_IDENTITY"),
                ("ssl-mode=VERIFY_IDENTITY&ssl-ca={missing.pem}", "missing.pem cannot be read"),
            ],
        );
    }
    let verified = "ssl-mode=VERIFY_IDENTITY&ssl-ca={ours.pem}";
    for (signed, said) in [(&all.astray, ELSEWHERE), (&all.expired, EXPIRED), (&all.lone, UNKNOWN)] {
        shows(&server, signed);
        server.ask("FLUSH SSL");
        try_all(&url(&server, "localhost"), &all, &[(verified, said), ("ssl-mode=REQUIRED", "")]);
    }

    // The server asks for TLS, and then for a certificate of ours.
    shows(&server, &all.right);
    server.ask("FLUSH SSL; SET GLOBAL require_secure_transport = ON");
    let host = "localhost";
    try_all(&url(&server, host), &all, &[("ssl-mode=DISABLED", UNSAID), ("", ""), ("ssl-mode=REQUIRED", "")]);
    server.ask("ALTER USER ann@'%' REQUIRE X509");
    let with = |name: &str| format!("{verified}&ssl-cert={{{name}.pem}}&ssl-key={{{name}.key}}");
    try_all(
        &url(&server, "localhost"),
        &all,
        &[
            (&with("ann"), ""),
            (verified, UNSAID),
            (&with("eve"), "does not take the certificate of sslcert (UnknownCA)"),
            (&format!("{verified}&ssl-cert={{ann.pem}}"), "sslcert and sslkey are given together"),
        ],
    );
    works(&format!("{}?{}", url(&server, "localhost"), all.filled(&with("ann"))), || {
        let seen = "SELECT count(*) FROM information_schema.PROCESSLIST WHERE USER = 'ann'";
        assert_ne!(server.ask(seen), "0", "who must show a certificate is in");
    });
}

/// A whole site on a URL: tables, a write, a read; and what is seen meanwhile.
fn works(url: &str, see: impl FnOnce()) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let settings = DatabaseSettings::of(url.to_owned());
    let site = Site::at(&settings);
    runtime.block_on(async {
        site.add("posts", &[]).await;
        assert_eq!(site.ids("posts", "true", &Default::default()).await.len(), 1, "{url}");
    });
    see();
}
