//! A TCP server on tokio's multi-threaded runtime: each line it gets is answered by a number that
//! is computed in a task, on the pool for blocking work, or behind a timer; `end` stops it.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, Mutex, Notify};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Some computation: the last of `rounds` numbers.
fn compute(seed: u64, rounds: u64) -> u64 {
    (0..rounds).fold(seed, |value, round| {
        value
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(round)
    })
}

async fn answer(request: u64, rounds: u64, seen: &Mutex<u64>) -> Result<u64, Failure> {
    let value = match request % 4 {
        0 => tokio::task::spawn_blocking(move || compute(request, rounds)).await?,
        1 => {
            tokio::time::sleep(Duration::from_micros(300)).await;
            compute(request, rounds)
        }
        2 => tokio::spawn(async move { compute(request, rounds) }).await?,
        _ => compute(request, rounds),
    };
    *seen.lock().await += 1;
    Ok(value)
}

async fn serve(
    stream: TcpStream,
    rounds: u64,
    seen: Arc<Mutex<u64>>,
    end: Arc<Notify>,
    log: mpsc::Sender<u64>,
) -> Result<(), Failure> {
    let (input, mut output) = stream.into_split();
    let mut lines = BufReader::new(input).lines();
    while let Some(line) = lines.next_line().await? {
        if line == "end" {
            end.notify_one();
            break;
        }
        let value = answer(line.parse()?, rounds, &seen).await?;
        log.send(value).await?;
        output.write_all(format!("{value}\n").as_bytes()).await?;
    }
    Ok(())
}

async fn accept(
    listener: TcpListener,
    rounds: u64,
    seen: Arc<Mutex<u64>>,
    end: Arc<Notify>,
    log: mpsc::Sender<u64>,
) -> Result<(), Failure> {
    loop {
        let (stream, _) = listener.accept().await?;
        let work = serve(stream, rounds, seen.clone(), end.clone(), log.clone());
        tokio::spawn(async move {
            if let Err(failure) = work.await {
                eprintln!("a connection failed: {failure}");
            }
        });
    }
}

async fn run(place: &str, rounds: u64) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let (log, mut values) = mpsc::channel(16);
    let sum = tokio::spawn(async move {
        let mut sum = 0u64;
        while let Some(value) = values.recv().await {
            sum = sum.wrapping_add(value);
        }
        sum
    });
    let (seen, end) = (Arc::new(Mutex::new(0)), Arc::new(Notify::new()));
    // Whoever waits for the file finds it whole.
    let port = listener.local_addr()?.port();
    std::fs::write(format!("{place}.new"), port.to_string())?;
    std::fs::rename(format!("{place}.new"), place)?;
    let accepting = tokio::spawn(accept(listener, rounds, seen.clone(), end.clone(), log));
    end.notified().await;
    accepting.abort();
    println!("{} requests, sum {}", *seen.lock().await, sum.await?);
    Ok(())
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let place = arguments
        .next()
        .ok_or("usage: tokio-server PORT_FILE ROUNDS")?;
    let rounds = arguments.next().ok_or("no number of rounds")?.parse()?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()?
        .block_on(run(&place, rounds))
}
