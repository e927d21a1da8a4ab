//! Clock of a function: the machine's, or in tests the clock of the test's Runtime API.

/// The clock of this build.
#[cfg(not(feature = "test-clock"))]
pub(crate) fn clock() -> std::sync::Arc<dyn runtime::Clock> {
    std::sync::Arc::new(runtime::SystemClock)
}

#[cfg(feature = "test-clock")]
pub(crate) use from_the_test::clock;

#[cfg(feature = "test-clock")]
mod from_the_test {
    //! Two calls in addition to the Runtime API's own: `GET /test-clock/now` returns the time, `POST
    //! /test-clock/sleep/<ms>` moves it forward. They block: they are for tests, over loopback.

    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    use std::time::{Duration, Instant};

    use async_trait::async_trait;
    use jiff::Timestamp;
    use runtime::Clock;

    struct TestClock {
        runtime_api: String,
        slept_ms: AtomicU64,
    }

    pub(crate) fn clock() -> Arc<dyn Clock> {
        let runtime_api = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap_or_default();
        Arc::new(TestClock { runtime_api, slept_ms: AtomicU64::new(0) })
    }

    impl TestClock {
        #[expect(clippy::panic, reason = "a test cannot continue without its clock")]
        fn ask(&self, request: &str) -> Timestamp {
            let answer = || -> std::io::Result<String> {
                let mut stream = TcpStream::connect(&self.runtime_api)?;
                write!(stream, "{request} HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
                let mut answer = String::new();
                stream.read_to_string(&mut answer)?;
                Ok(answer)
            };
            let now = answer().ok().and_then(|answer| answer.rsplit("\r\n").next()?.trim().parse().ok());
            now.unwrap_or_else(|| panic!("the test's Runtime API at {} returned no time", self.runtime_api))
        }
    }

    #[async_trait]
    impl Clock for TestClock {
        fn now(&self) -> Timestamp {
            self.ask("GET /test-clock/now")
        }

        fn instant(&self) -> runtime::Instant {
            (Instant::now() + Duration::from_millis(self.slept_ms.load(Relaxed))).into()
        }

        async fn sleep(&self, duration: Duration) {
            self.slept_ms.fetch_add(u64::try_from(duration.as_millis()).unwrap_or(0), Relaxed);
            self.ask(&format!("POST /test-clock/sleep/{}", duration.as_millis()));
        }
    }
}
