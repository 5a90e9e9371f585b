//! What is said of servers that cannot be had, on the servers of this machine.

use crate::mysql::connect::Target as MySql;
use crate::network::address::Unreachable;
use crate::postgres::connect::Target as Postgres;
use crate::testing::{mysql_url, postgres_url};

async fn postgres(url: &str) -> Result<(), Unreachable> {
    Postgres::parse(url).expect("a URL").connect().await.map(|_| ())
}

async fn mysql(url: &str) -> Result<(), Unreachable> {
    MySql::parse(url).expect("a URL").connect().await.map(|_| ())
}

#[tokio::test]
async fn what_is_wrong_with_postgresql_is_said() {
    let Some(url) = postgres_url() else { return };
    let (server, database) = url.rsplit_once('/').expect("a database");
    assert_eq!(postgres(&url).await, Ok(()));
    assert_eq!(postgres(&format!("{url}?sslmode=disable")).await, Ok(()));
    let said = |result: Result<(), Unreachable>| result.expect_err("no connection").message().to_owned();
    let missing = said(postgres(&format!("{server}/no_such_database")).await);
    assert!(
        missing.contains("there is no database no_such_database") && missing.contains("createdb"),
        "{missing}"
    );
    let closed = said(postgres("postgres://ann:secret@127.0.0.1:1/shop").await);
    assert!(closed.contains("nothing listens at 127.0.0.1:1") && !closed.contains("secret"), "{closed}");
    let nowhere = said(postgres("postgres://ann:secret@no-such-host.invalid/shop").await);
    assert!(nowhere.contains("no-such-host.invalid") && !nowhere.contains("secret"), "{nowhere}");
    // Debian's server has a certificate that nobody signed; another may have none.
    let unknown = said(postgres(&format!("{server}/{database}?sslmode=verify-full")).await);
    assert!(unknown.contains("TLS"), "{unknown}");
}

#[tokio::test]
async fn what_is_wrong_with_mysql_is_said() {
    let Some(url) = mysql_url() else { return };
    let (server, database) = url.rsplit_once('/').expect("a database");
    assert_eq!(mysql(&url).await, Ok(()));
    let said = |result: Result<(), Unreachable>| result.expect_err("no connection").message().to_owned();
    let missing = said(mysql(&format!("{server}/no_such_database")).await);
    assert!(missing.contains("no database no_such_database"), "{missing}");
    let host = server.rsplit_once('@').map_or(server, |(_, host)| host);
    let wrong = said(mysql(&format!("mysql://nobody:secret@{host}/{database}")).await);
    assert!(wrong.contains("does not let nobody in") && !wrong.contains("secret"), "{wrong}");
    let closed = said(mysql("mysql://ann:secret@127.0.0.1:1/shop").await);
    assert!(closed.contains("nothing listens at 127.0.0.1:1") && !closed.contains("secret"), "{closed}");
}

#[tokio::test]
async fn whoever_does_not_speak_the_protocol_is_told_apart() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    for error in [
        postgres(&format!("postgres://ann:secret@{address}/shop")).await,
        mysql(&format!("mysql://ann:secret@{address}/shop")).await,
    ] {
        let message = error.expect_err("no database").message().to_owned();
        assert!(message.contains(&address.to_string()) && !message.contains("secret"), "{message}");
    }
}
