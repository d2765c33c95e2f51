//! A sink whose dead letters cannot be read waits, as after any failure, and goes on when they can be.

use std::time::Duration;

use super::receive::{configured, until, write};
use super::sinks::{delivered, webhook};
use crate::support::database::on_both_databases;
use crate::support::receiver::{Receiver, Reply};

on_both_databases!(
    async fn letters_that_cannot_be_read_are_no_reason_to_hurry(database: Database) {
        let receiver = Receiver::start().await;
        receiver.answer(|_| Reply::Status(200));
        let directory = tempfile::tempdir().expect("a directory");
        let mut setup = configured(&database, &webhook(directory.path(), &receiver, "own = true", 1)).await;
        setup.set("sinks.retry_min_ms", "500");
        database.run("ALTER TABLE dead_letter RENAME TO dead_letter_away").await;
        let service = setup.start().await;
        write(&service, &setup.key, 0..4).await;
        let fence = "SELECT COALESCE(MAX(fence), 0) FROM sink";
        until("the sink is taken", async || database.number(fence).await > 0).await;
        let before = database.number(fence).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        let taken = database.number(fence).await - before;
        assert!(taken <= 2, "taken {taken} times in three seconds");
        let failures = database.number("SELECT failures FROM sink").await;
        assert!((1..=12).contains(&failures), "{failures} failures in three seconds");
        assert_eq!(receiver.deliveries().len(), 0, "nothing is told before the letters are read");
        database.run("ALTER TABLE dead_letter_away RENAME TO dead_letter").await;
        delivered(&service, &setup.key).await;
        assert!(!receiver.deliveries().is_empty());
        assert_eq!(service.stop(), 0);
    }
);
