//! What is put into the process: the recorder, memory for what it is told, and our descriptors.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::FileExt;

use reenact_trace::attaching::{ROOM_ADDRESS, SIZE};
use reenact_trace::layout::ATTACHING_ADDRESS;

use super::image::{Recorder, Segment, PAGE};
use super::preparation::Process;
use super::{passing, Passed};

/// Bytes received with the descriptors: `struct msghdr`, `struct iovec`, a byte, and the control message.
const MESSAGE: [u64; 3] = [ROOM_ADDRESS, ROOM_ADDRESS + 64, ROOM_ADDRESS + 96];
const CONTROL: u64 = ROOM_ADDRESS + 128;

impl Process {
    fn map(
        &self,
        start: u64,
        length: u64,
        protection: u32,
        file: Option<(u64, u64)>,
    ) -> io::Result<()> {
        let (fd, offset) = file.unwrap_or((u64::MAX, 0));
        let anonymous = if file.is_some() {
            0
        } else {
            libc::MAP_ANONYMOUS
        };
        let flags = libc::MAP_PRIVATE | libc::MAP_FIXED | anonymous;
        let arguments = [start, length, protection.into(), flags as u64, fd, offset];
        let result = self.call(libc::SYS_mmap, arguments)?;
        if result != start {
            return Err(io::Error::from_raw_os_error(libc::ENOMEM));
        }
        Ok(())
    }

    /// Map `told` bytes for what the recorder is told of mappings, the recorder itself, and give the process our descriptors.
    pub(super) fn map_recorder(
        &mut self,
        passed: &Passed<'_>,
        recorder: &Recorder,
        told: u64,
    ) -> io::Result<()> {
        let size = SIZE + told.next_multiple_of(PAGE);
        let read_write = (libc::PROT_READ | libc::PROT_WRITE) as u32;
        self.is_mapped = true;
        self.map(ATTACHING_ADDRESS, size, read_write, None)?;
        self.pass_descriptors(passed)?;
        let descriptor = passed.numbers.recorder as u64;
        for segment in &recorder.segments {
            self.map_segment(segment, descriptor)?;
        }
        Ok(())
    }

    fn map_segment(&self, segment: &Segment, descriptor: u64) -> io::Result<()> {
        let &Segment {
            start,
            of_file,
            offset,
            file_end,
            end,
            protection,
        } = segment;
        let mapped_end = start + of_file;
        if of_file > 0 {
            self.map(start, of_file, protection, Some((descriptor, offset)))?;
            if protection & libc::PROT_WRITE as u32 != 0 && file_end < mapped_end {
                let zeros = vec![0u8; (mapped_end - file_end) as usize];
                self.memory.write_all_at(&zeros, file_end)?;
            }
        }
        if end > mapped_end {
            self.map(mapped_end, end - mapped_end, protection, None)?;
        }
        Ok(())
    }

    /// Give it our descriptors, by the numbers that are hidden from its program.
    fn pass_descriptors(&self, passed: &Passed<'_>) -> io::Result<()> {
        let stream = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
        let pair = [libc::AF_UNIX as u64, stream as u64, 0, ROOM_ADDRESS, 0, 0];
        self.call(libc::SYS_socketpair, pair)?;
        let mut numbers = [0u8; 8];
        self.memory.read_exact_at(&mut numbers, ROOM_ADDRESS)?;
        let [its, ours] = [0, 4].map(|at| number_at(&numbers, at));
        let given = self.receive(its, ours, passed);
        for socket in [its, ours] {
            self.call(libc::SYS_close, [socket, 0, 0, 0, 0, 0])?;
        }
        let numbers = &passed.numbers;
        let wanted = [numbers.recorder, numbers.arena, numbers.trace];
        for (from, to) in given?.into_iter().zip(wanted) {
            self.call(libc::SYS_dup3, [from, to as u64, 0, 0, 0, 0])?;
            self.call(libc::SYS_close, [from, 0, 0, 0, 0, 0])?;
        }
        Ok(())
    }

    fn receive(&self, its: u64, ours: u64, passed: &Passed<'_>) -> io::Result<[u64; 3]> {
        let socket = passing::take(self.pid, ours as i32)?;
        let files: [RawFd; 3] =
            [passed.recorder, passed.arena, passed.trace].map(AsRawFd::as_raw_fd);
        passing::send(&socket, &files)?;
        let [header, piece, byte] = MESSAGE;
        const CONTROL_SIZE: u64 = 64;
        let message = [0, 0, piece, 1, CONTROL, CONTROL_SIZE, 0];
        for (at, words) in [(header, &message[..]), (piece, &[byte, 1][..])] {
            let bytes: Vec<u8> = words
                .iter()
                .flat_map(|word: &u64| word.to_le_bytes())
                .collect();
            self.memory.write_all_at(&bytes, at)?;
        }
        self.call(libc::SYS_recvmsg, [its, header, 0, 0, 0, 0])?;
        // `struct cmsghdr`: length, level and type; then the descriptors.
        let mut control = [0u8; 16 + 12];
        self.memory.read_exact_at(&mut control, CONTROL)?;
        let length = number_at(&control, 0);
        if length != control.len() as u64 {
            return Err(io::Error::from_raw_os_error(libc::EMFILE));
        }
        Ok([16, 20, 24].map(|at| number_at(&control, at)))
    }
}

/// Four bytes as a number.
fn number_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 4]
        .try_into()
        .map_or(0, |bytes| u64::from(u32::from_le_bytes(bytes)))
}
