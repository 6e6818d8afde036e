//! Which servers are believed, by real certificates.

use crate::common::{Identity, Server, ca, client, fingerprint, identity, ok, pin, serve, start, token};
use mycopod_core::ports::{CallError, Submitted};
use mycopod_pve::Trust;
use rustls::pki_types::CertificateDer;

#[tokio::test]
async fn the_servers_certificate_or_key_can_be_pinned() {
    let identity = identity();
    let server = serve(&identity, vec![identity.leaf.clone()], |_, _| async { ok("null") }).await;
    for pinned in [&identity.leaf[..], &identity.leaf_spki] {
        assert_eq!(start(&client(&server.url, token(), pin(pinned))).await, Ok(Submitted::Done));
    }
    let error = start(&client(&server.url, token(), pin(b"another"))).await.unwrap_err();
    assert!(matches!(&error, CallError::NotSent(why) if why.contains("does not fit the pin")), "{error}");
    assert_eq!(server.received().len(), 2, "the token never went to a stranger");
}

#[tokio::test]
async fn a_pinned_authority_must_have_signed_the_servers_certificate() {
    let (ours, stranger) = (identity(), identity());
    let server = serve(&ours, vec![ours.leaf.clone(), ours.ca.clone()], |_, _| async { ok("null") }).await;
    assert_eq!(start(&client(&server.url, token(), pin(&ours.ca))).await, Ok(Submitted::Done));
    let chain: Vec<CertificateDer<'static>> = vec![stranger.leaf.clone(), ours.ca.clone()];
    let forger = serve(&stranger, chain, |_, _| async { ok("null") }).await;
    let error = start(&client(&forger.url, token(), pin(&ours.ca))).await.unwrap_err();
    assert!(matches!(error, CallError::NotSent(_)), "{error}");
    assert!(forger.received().is_empty());
}

#[tokio::test]
async fn another_authoritys_certificate_is_refused() {
    let (ours, stranger) = (identity(), identity());
    let server = serve(&stranger, vec![stranger.leaf.clone()], |_, _| async { ok("null") }).await;
    for trust in [ca(&ours), Trust::System] {
        assert!(matches!(start(&client(&server.url, token(), trust)).await, Err(CallError::NotSent(_))));
    }
    assert!(server.received().is_empty());
}

async fn serving(identity: &Identity, chain: Vec<CertificateDer<'static>>) -> Server {
    serve(identity, chain, |_, _| async { ok("null") }).await
}

/// Calls once by each way of trusting.
async fn believed<const N: usize>(server: &Server, by: [Trust; N]) -> [bool; N] {
    let mut ends = [false; N];
    for (end, trust) in ends.iter_mut().zip(by) {
        *end = match start(&client(&server.url, token(), trust)).await {
            Ok(Submitted::Done) => true,
            Err(CallError::NotSent(_)) => false,
            other => panic!("{other:?}"),
        };
    }
    let calls = ends.iter().filter(|end| **end).count();
    assert_eq!(server.received().len(), calls, "the token never went to a stranger");
    ends
}

#[tokio::test]
async fn a_pinned_key_and_an_authority_survive_the_certificates_renewal() {
    let identity = identity();
    let server = serving(&identity, vec![identity.renewed("127.0.0.1", 2040)]).await;
    let by = [pin(&identity.leaf_spki), ca(&identity), pin(&identity.leaf)];
    assert_eq!(believed(&server, by).await, [true, true, false]);
}

#[tokio::test]
async fn a_certificate_of_another_host_or_a_past_time_is_refused_unless_its_key_is_pinned() {
    let identity = identity();
    for leaf in [identity.renewed("pve9.example.org", 2040), identity.renewed("127.0.0.1", 2021)] {
        let server = serving(&identity, vec![leaf]).await;
        let by = [ca(&identity), Trust::System, pin(&identity.leaf_spki)];
        assert_eq!(believed(&server, by).await, [false, false, true]);
    }
    let late = vec![identity.renewed("127.0.0.1", 2021), identity.ca.clone()];
    let server = serving(&identity, late).await;
    assert_eq!(believed(&server, [pin(&identity.ca)]).await, [false]);
}

#[tokio::test]
async fn each_host_may_have_a_pin_of_its_own() {
    let (one, other) = (identity(), identity());
    let pins = |keys: [&[u8]; 2]| Trust::Pin(keys.map(fingerprint).join(", ").parse().unwrap());
    for identity in [&one, &other] {
        let server = serving(identity, vec![identity.leaf.clone()]).await;
        let by = [pins([&one.leaf_spki, &other.leaf_spki]), pins([b"a", b"b"])];
        assert_eq!(believed(&server, by).await, [true, false]);
    }
}

#[tokio::test]
async fn an_authority_that_was_not_sent_along_cannot_be_pinned_and_the_error_says_so() {
    let identity = identity();
    let server = serving(&identity, vec![identity.leaf.clone()]).await;
    let error = start(&client(&server.url, token(), pin(&identity.ca))).await.unwrap_err();
    assert!(matches!(&error, CallError::NotSent(why) if why.contains("sent no authority along")), "{error}");
}
