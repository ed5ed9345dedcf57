//! Which addresses are connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use okap_server::ports::Documents;

use crate::support::{HOST, Server, told};

#[tokio::test]
async fn v5_a_host_at_an_address_that_is_not_public_is_not_connected_to() {
    let server = Server::start().await;
    server.answers_document("{}");
    assert!(server.fetch().await.is_ok());
    assert_eq!(server.accepted(), 1);
    for text in [
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "fd00::1",
        "fd00:ec2::254",
        "fe80::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
    ] {
        let address: IpAddr = text.parse().unwrap();
        let guarded = server.trusted().resolve(HOST, [address]).build().unwrap();
        let error = guarded.fetch(&server.url()).await.unwrap_err();
        assert_eq!(error.to_string(), "no connection to it at a public address", "{text}");
        assert!(told(&error).contains("is not a public address"), "{}", told(&error));
    }
    assert_eq!(server.accepted(), 1, "and nobody knocked");
}

#[tokio::test]
async fn v5_one_private_address_among_public_ones_spoils_the_host() {
    let server = Server::start().await;
    server.answers_document("{}");
    let private = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let public: IpAddr = "8.8.8.8".parse().unwrap();
    for addresses in [[private, public], [public, private]] {
        let guarded = server.trusted().resolve(HOST, addresses).build().unwrap();
        let error = guarded.fetch(&server.url()).await.unwrap_err();
        assert!(told(&error).contains("127.0.0.1 is not a public address"), "{}", told(&error));
    }
    assert_eq!(server.accepted(), 0);
    assert!(server.fetch().await.is_ok());
}

#[tokio::test]
async fn v5_an_address_in_place_of_a_name_is_judged_too() {
    let server = Server::start().await;
    server.answers_document("{}");
    let guarded = server.trusted().build().unwrap();
    for host in ["127.0.0.1", "[::1]", "[::ffff:7f00:1]", "169.254.169.254", "10.0.0.1", "0.0.0.0"]
    {
        let error = guarded.fetch(&server.url_at(host)).await.unwrap_err();
        assert_eq!(error.to_string(), "no connection to it at a public address", "{host}");
        assert!(told(&error).contains("is not a public address"), "{host}: {}", told(&error));
    }
    assert_eq!(server.accepted(), 0);
    let open = server.trusted().danger_allow_private_addresses().build().unwrap();
    assert!(open.fetch(&server.url_at("127.0.0.1")).await.is_ok());
}

#[tokio::test]
async fn v5_a_name_that_the_system_knows_as_this_computer_is_not_connected_to() {
    let server = Server::start().await;
    server.answers_document("{}");
    let guarded = server.trusted().build().unwrap();
    let error = guarded.fetch(&server.url_at("localhost")).await.unwrap_err();
    assert!(told(&error).contains("is not a public address"), "{}", told(&error));
    assert_eq!(server.accepted(), 0);
    let open = server.trusted().danger_allow_private_addresses().build().unwrap();
    assert!(open.fetch(&server.url_at("localhost")).await.is_ok());
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_stranger_cannot_tell_a_private_host_from_none() {
    let server = Server::start().await;
    let guarded = server.trusted().resolve(HOST, [IpAddr::V6(Ipv6Addr::LOCALHOST)]);
    let private = guarded.build().unwrap().fetch(&server.url()).await.unwrap_err();
    let nowhere = server.trusted().resolve(HOST, []).build().unwrap();
    let nowhere = nowhere.fetch(&server.url()).await.unwrap_err();
    assert_eq!(private.to_string(), nowhere.to_string());
}
