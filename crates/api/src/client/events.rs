//! Reading a stream of Server-Sent Events (WHATWG HTML, "Server-sent events").

use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::ClientError;
use crate::limits::EVENT_LINE_BYTES_MAX;
use crate::{Event, EventEnvelope};

/// What a read of the stream gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// Something happened.
    Event(EventEnvelope),
    /// The node ended the stream: it stops, or the reader was too slow. Connect again with the last id.
    End,
}

/// Events as they happen. Drop it to close the connection.
#[derive(Debug)]
pub struct EventStream {
    body: Incoming,
    lines: Lines,
    partial: Partial,
}

impl EventStream {
    pub(super) fn new(body: Incoming) -> Self {
        Self { body, lines: Lines::default(), partial: Partial::default() }
    }

    /// Waits for the next event; there is no time limit. Cancel safe.
    ///
    /// # Errors
    /// [`ClientError::Protocol`] if the connection breaks or what comes is no event.
    pub async fn next(&mut self) -> Result<Received, ClientError> {
        loop {
            while let Some(line) = self.lines.next()? {
                if let Some(envelope) = self.partial.take(&line)? {
                    return Ok(Received::Event(envelope));
                }
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        self.lines.buffer.extend_from_slice(&bytes);
                    }
                }
                Some(Err(error)) => {
                    return Err(ClientError::Protocol(format!("the event stream broke: {error}")));
                }
                None => return Ok(Received::End),
            }
        }
    }
}

/// Cuts bytes into lines.
#[derive(Debug, Default)]
struct Lines {
    buffer: Vec<u8>,
}

impl Lines {
    fn next(&mut self) -> Result<Option<String>, ClientError> {
        let Some(end) = self.buffer.iter().position(|b| *b == b'\n') else {
            if self.buffer.len() > EVENT_LINE_BYTES_MAX {
                return Err(ClientError::Protocol("an event is too long".into()));
            }
            return Ok(None);
        };
        let rest = self.buffer.split_off(end + 1);
        let mut line = std::mem::replace(&mut self.buffer, rest);
        line.truncate(end);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        String::from_utf8(line).map(Some).map_err(|_| ClientError::Protocol("an event is not UTF-8".into()))
    }
}

/// The event that is being read.
#[derive(Debug, Default)]
struct Partial {
    id: String,
    data: String,
}

impl Partial {
    /// Takes a line; an empty one ends the event. Comments and unknown fields are skipped.
    fn take(&mut self, line: &str) -> Result<Option<EventEnvelope>, ClientError> {
        if line.is_empty() {
            return self.finish();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => value.clone_into(&mut self.id),
            "data" => {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(value);
                if self.data.len() > EVENT_LINE_BYTES_MAX {
                    return Err(ClientError::Protocol("an event is too long".into()));
                }
            }
            _ => {}
        }
        Ok(None)
    }

    fn finish(&mut self) -> Result<Option<EventEnvelope>, ClientError> {
        let data = std::mem::take(&mut self.data);
        if data.is_empty() {
            return Ok(None);
        }
        let event: Event = serde_json::from_str(&data).map_err(|e| ClientError::Protocol(e.to_string()))?;
        Ok(Some(EventEnvelope { id: self.id.clone(), event }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<EventEnvelope> {
        let mut lines = Lines { buffer: text.as_bytes().to_vec() };
        let mut partial = Partial::default();
        let mut events = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            events.extend(partial.take(&line).unwrap());
        }
        events
    }

    #[test]
    fn events_comments_and_unfinished_tails() {
        let text = ": keep-alive\n\nid: a-1\nevent: alarm\ndata: {\"type\":\"alarm\",\"message\":\"x\"}\n\nid: a-2\r\ndata: {\"type\":\"comet\"}\r\n\r\nid: a-3\ndata: {\"type\"";
        let alarm = Event::Alarm { message: "x".into() };
        assert_eq!(
            read(text),
            [
                EventEnvelope { id: "a-1".into(), event: alarm },
                EventEnvelope { id: "a-2".into(), event: Event::Unknown }
            ]
        );
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut lines = Lines { buffer: vec![b'a'; EVENT_LINE_BYTES_MAX + 1] };
        assert!(lines.next().is_err());
    }
}
