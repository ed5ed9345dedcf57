//! Fetches are shared while they last and kept while they are fresh, within bounds.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use okap_server::{
    ClientError, Clients,
    ports::{Documents, FetchError, Fetched, Fetching},
};
use okap_types::ClientIdUrl;

use crate::support::{HOST, document, noon};

/// Answers at once or when it is let, and counts.
struct Counted {
    fetched: Arc<AtomicUsize>,
    fresh_for: Duration,
    wait: Arc<tokio::sync::Semaphore>,
}

impl Documents for Counted {
    fn fetch<'a>(&'a self, url: &'a ClientIdUrl) -> Fetching<'a> {
        Box::pin(async move {
            self.fetched.fetch_add(1, Ordering::SeqCst);
            self.wait.acquire().await.unwrap().forget();
            if url.as_str().ends_with("missing") {
                return Err(FetchError::new("its status is 404"));
            }
            Ok(Fetched { bytes: Bytes::from(document(url)), fresh_for: self.fresh_for })
        })
    }
}

fn counted(
    fresh_for: u64,
    permits: usize,
) -> (Clients, Arc<AtomicUsize>, Arc<tokio::sync::Semaphore>) {
    let fetched = Arc::new(AtomicUsize::new(0));
    let wait = Arc::new(tokio::sync::Semaphore::new(permits));
    let documents = Counted {
        fetched: Arc::clone(&fetched),
        fresh_for: Duration::from_secs(fresh_for),
        wait: Arc::clone(&wait),
    };
    (Clients::new(documents), fetched, wait)
}

fn client(name: &str) -> ClientIdUrl {
    format!("https://{HOST}/{name}").parse().unwrap()
}

/// Lets every other task come as far as it can.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_is_not_to_be_kept_is_fetched_each_time() {
    let (clients, fetched, _) = counted(0, 10);
    for expected in 1..=3 {
        clients.find(&client("a"), noon()).await.unwrap();
        assert_eq!(fetched.load(Ordering::SeqCst), expected);
    }
}

#[tokio::test]
async fn whoever_asks_for_the_same_document_waits_for_one_fetch() {
    let (clients, fetched, wait) = counted(60, 0);
    let ask = |name: &'static str| {
        let clients = clients.clone();
        tokio::spawn(async move { clients.find(&client(name), noon()).await })
    };
    let (first, others) = (ask("a"), [ask("a"), ask("a"), ask("a")]);
    let missing = [ask("missing"), ask("missing")];
    settle().await;
    assert_eq!(fetched.load(Ordering::SeqCst), 2);
    // who began it may go away
    first.abort();
    wait.add_permits(2);
    for other in others {
        other.await.unwrap().unwrap();
    }
    for missing in missing {
        assert!(matches!(missing.await.unwrap(), Err(ClientError::Unreachable(_))));
    }
    assert_eq!(fetched.load(Ordering::SeqCst), 2);
    wait.add_permits(1);
    assert!(clients.find(&client("missing"), noon()).await.is_err());
    assert_eq!(fetched.load(Ordering::SeqCst), 3, "a failure is shared, not kept");
}

#[tokio::test]
async fn a_fetch_that_nobody_waits_for_ends_and_can_begin_again() {
    let (clients, fetched, wait) = counted(60, 0);
    let asking = clients.clone();
    let gone = tokio::spawn(async move { asking.find(&client("a"), noon()).await });
    settle().await;
    gone.abort();
    assert!(gone.await.is_err());
    wait.add_permits(1);
    clients.find(&client("a"), noon()).await.unwrap();
    assert_eq!(fetched.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn at_most_16_documents_are_fetched_at_once() {
    let (clients, _, wait) = counted(60, 0);
    let asked: Vec<_> = (0..16)
        .map(|n| {
            let clients = clients.clone();
            tokio::spawn(async move { clients.find(&client(&n.to_string()), noon()).await })
        })
        .collect();
    settle().await;
    let error = clients.find(&client("more"), noon()).await.unwrap_err();
    assert!(matches!(error, ClientError::Busy), "{error}");
    wait.add_permits(17);
    for asked in asked {
        asked.await.unwrap().unwrap();
    }
    clients.find(&client("more"), noon()).await.unwrap();
}

#[tokio::test]
async fn at_most_1000_documents_are_kept_and_the_first_to_end_goes() {
    let (clients, fetched, wait) = counted(60, 0);
    wait.add_permits(2000);
    for n in 0..1001 {
        clients.find(&client(&n.to_string()), noon().plus_seconds(n / 100)).await.unwrap();
    }
    assert_eq!(format!("{clients:?}"), "Clients { kept: 1000, .. }");
    assert_eq!(fetched.load(Ordering::SeqCst), 1001);
    for n in 100..1001 {
        clients.find(&client(&n.to_string()), noon()).await.unwrap();
    }
    assert_eq!(fetched.load(Ordering::SeqCst), 1001, "the youngest are there");
}
