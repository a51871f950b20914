//! Frames on a stream: a length (u32, big-endian), that many bytes, then the end of the stream.
//!
//! The length tells a frame that was cut off by a dying connection from a whole one: without it half a frame
//! would look like a frame that does not decode, and an honest peer would be blamed for its cable.

use std::io;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::StreamProtocol;
use libp2p::request_response::Codec;

/// Memory set aside before the bytes arrive; the rest grows with what really comes.
const FIRST_ALLOCATION: usize = 16 * 1024;

/// What came over a stream. A frame that breaks the framing is a value and not an error, because the library
/// reports errors of inbound streams to nobody, and a peer that breaks it shall be named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    /// The bytes of one frame.
    Whole(Vec<u8>),
    /// The announced length is above the bound.
    TooLong,
    /// Something follows the frame.
    Trailing,
}

/// Reads and writes frames, each direction with its bound in bytes.
#[derive(Debug, Clone)]
pub(crate) struct FrameCodec {
    pub(crate) max_request: usize,
    pub(crate) max_response: usize,
}

impl Codec for FrameCodec {
    type Protocol = StreamProtocol;
    type Request = Frame;
    type Response = Frame;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Frame>
    where
        T: AsyncRead + Unpin + Send,
    {
        read(io, self.max_request).await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Frame>
    where
        T: AsyncRead + Unpin + Send,
    {
        read(io, self.max_response).await
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, frame: Frame) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write(io, frame, self.max_request).await
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, frame: Frame) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write(io, frame, self.max_response).await
    }
}

async fn read<T: AsyncRead + Unpin + Send>(io: &mut T, max: usize) -> io::Result<Frame> {
    let mut length = [0; 4];
    io.read_exact(&mut length).await?;
    let length = u32::from_be_bytes(length) as usize;
    if length > max {
        return Ok(Frame::TooLong);
    }
    let mut bytes = Vec::with_capacity(length.min(FIRST_ALLOCATION));
    // One byte more than announced: a peer that goes on writing is found out, and no more is read of it.
    io.take(length as u64 + 1).read_to_end(&mut bytes).await?;
    match bytes.len() {
        n if n < length => Err(io::ErrorKind::UnexpectedEof.into()),
        n if n > length => Ok(Frame::Trailing),
        _ => Ok(Frame::Whole(bytes)),
    }
}

async fn write<T: AsyncWrite + Unpin + Send>(io: &mut T, frame: Frame, max: usize) -> io::Result<()> {
    let Frame::Whole(bytes) = frame else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "only whole frames are sent"));
    };
    let length = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= max);
    let length =
        length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "frame above its bound"))?;
    io.write_all(&length.to_be_bytes()).await?;
    io.write_all(&bytes).await
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    fn read_all(mut bytes: &[u8], max: usize) -> io::Result<Frame> {
        block_on(read(&mut bytes, max))
    }

    #[test]
    fn a_frame_survives_the_round_trip() {
        for length in [0, 1, 100, 40_000] {
            let mut wire = Vec::new();
            let frame = Frame::Whole(vec![5; length]);
            block_on(write(&mut wire, frame.clone(), 40_000)).unwrap();
            assert_eq!(read_all(&wire, 40_000).unwrap(), frame);
        }
    }

    #[test]
    fn golden_bytes() {
        let mut wire = Vec::new();
        block_on(write(&mut wire, Frame::Whole(b"eco".to_vec()), 10)).unwrap();
        assert_eq!(wire, [0, 0, 0, 3, b'e', b'c', b'o']);
    }

    #[test]
    fn a_frame_over_the_bound_is_named_and_not_read() {
        assert_eq!(read_all(&[0xFF, 0xFF, 0xFF, 0xFF], 10).unwrap(), Frame::TooLong);
        assert_eq!(read_all(&[0, 0, 0, 11], 10).unwrap(), Frame::TooLong);
        let refused = block_on(write(&mut Vec::new(), Frame::Whole(vec![0; 11]), 10));
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn a_cut_frame_is_an_error_and_no_misbehaviour() {
        for cut in 0..7 {
            let wire = &[0, 0, 0, 3, 1, 2, 3][..cut];
            assert_eq!(read_all(wire, 10).unwrap_err().kind(), io::ErrorKind::UnexpectedEof, "{cut}");
        }
    }

    #[test]
    fn bytes_after_the_frame_are_named() {
        assert_eq!(read_all(&[0, 0, 0, 1, 9, 9], 10).unwrap(), Frame::Trailing);
    }
}
