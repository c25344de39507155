//! Ctrl-C: the first asks for an orderly end, the second ends at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Whether somebody wants the run to stop.
#[derive(Clone)]
pub struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Listens for SIGINT and SIGTERM from now on. The second of them ends the process with exit
    /// code 4; the sandbox then falls with it.
    ///
    /// # Errors
    /// If the system does not let us listen.
    pub fn listen() -> std::io::Result<Self> {
        let mut interrupts = signal(SignalKind::interrupt())?;
        let mut terminations = signal(SignalKind::terminate())?;
        let (ask, asked) = watch::channel(false);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupts.recv() => {}
                    _ = terminations.recv() => {}
                }
                if ask.send_replace(true) {
                    std::process::exit(4);
                }
            }
        });
        Ok(Self(asked))
    }

    /// Whether it was asked for.
    pub fn requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when it is asked for.
    pub async fn wait(&self) {
        // The listener never ends, so this cannot fail; if it did, there would be nobody to ask.
        if self.0.clone().wait_for(|asked| *asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
