//! A part of a file from disk, piece by piece.

use std::io::{self, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncSeekExt, ReadBuf};

use super::Content;
use crate::answer::Problem;
use crate::body::Body;

const PIECE_BYTES: usize = 64 * 1024;

impl Content {
    /// These bytes as a body.
    pub(super) async fn read(&self, part: Range<u64>) -> Result<Body, Problem> {
        match self {
            Content::Memory(bytes) => {
                // A range within memory fits.
                Ok(Body::from(bytes.slice(part.start as usize..part.end as usize)))
            }
            Content::Disk { path, .. } => {
                Box::pin(open(path, part)).await.map_err(|error| match error.kind() {
                    io::ErrorKind::NotFound => Problem::not_found(),
                    _ => Problem::internal(format!("{}: {error}", path.display())),
                })
            }
        }
    }
}

async fn open(path: &Path, part: Range<u64>) -> io::Result<Body> {
    let mut file = File::open(path).await?;
    file.seek(SeekFrom::Start(part.start)).await?;
    Ok(Body::pieces(FileBody { file, left: part.end - part.start, piece: Vec::new() }))
}

struct FileBody {
    file: File,
    left: u64,
    piece: Vec<u8>,
}

impl HttpBody for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        if this.left == 0 {
            return Poll::Ready(None);
        }
        let want = usize::try_from(this.left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        this.piece.resize(want, 0);
        let mut buffer = ReadBuf::new(&mut this.piece);
        ready!(Pin::new(&mut this.file).poll_read(context, &mut buffer))?;
        let count = buffer.filled().len();
        if count == 0 {
            // It was cut off meanwhile: breaking off says so, an end would pretend that this is all.
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        this.left -= count as u64;
        this.piece.truncate(count);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(std::mem::take(&mut this.piece))))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
