//! A replay begins with a snapshot.

use alloc::vec;
use alloc::vec::Vec;

use reenact_trace::chunk::landmark;
use reenact_trace::chunk_scan::{ChunkPlace, ChunkScan, Scanned};
use reenact_trace::snapshot::{mapping, role, running, turn_of_word, NAME_SIZE, NOT_COUNTED};
use reenact_trace::{Attachment, EventHeader, EventKind, Events, MapRecord, Registers, Tag};

use crate::chunk_reader::ChunkReader;
use crate::error::ReplayError;
use crate::feed_error::FeedError;
use crate::machine::Machine;
use crate::mappings::AtFork;
use crate::system;
use crate::threads::{ThreadState, VforkParent};
use crate::xsave_area::VectorState;

/// Bytes read at a time while scanning.
const WINDOW: usize = 64 << 10;

/// A thread whose vectors are still to come.
struct Incoming {
    tid: u32,
    role: u16,
    registers: Registers,
    vectors: Vec<(u64, Vec<u8>)>,
}

/// What a process begins with in the place of its start.
pub struct Beginning {
    /// How the process started, if that is told.
    pub start: Option<EventHeader>,
    /// The last record of the snapshot; `None`: there is none, and an image follows.
    pub last: Option<EventHeader>,
}

/// Make the machine what some chunks of a file say.
pub fn restore(
    machine: &mut Machine,
    file: i32,
    places: &[ChunkPlace],
) -> Result<Beginning, ReplayError> {
    let mut reader = ChunkReader::new(file);
    let mut restoring = Restoring::default();
    let mut start = None;
    for place in places {
        reader.read(place)?;
        for record in Events::new(reader.raw()) {
            let record = record.map_err(|_| FeedError::EventDamaged)?;
            if record.attachments().count() != record.header.attachments as usize {
                return Err(FeedError::EventDamaged.into());
            }
            if record.kind == EventKind::ProcessStart {
                start = Some(*record.header);
                continue;
            }
            restoring.begin(machine);
            for attachment in record.attachments() {
                restoring.apply(machine, &attachment)?;
            }
            match record.kind {
                EventKind::Data => {}
                EventKind::Snapshot => {
                    restoring.finish(machine, record.header)?;
                    let last = Some(*record.header);
                    return Ok(Beginning { start, last });
                }
                _ => return Err(ReplayError::BadEvent("it is in a snapshot")),
            }
        }
    }
    if start.is_none() || restoring.has_begun {
        return Err(ReplayError::BadEvent(
            "there is no whole snapshot behind it",
        ));
    }
    Ok(Beginning { start, last: None })
}

/// The turn that a process begins with ([`turn_of_word`]): the last record tells it, which is in the last chunk.
pub fn turn(file: i32, places: &[ChunkPlace]) -> Option<(u64, u64)> {
    let last = places.last()?;
    let mut reader = ChunkReader::new(file);
    reader.read(last).ok()?;
    let records = Events::new(reader.raw()).map_while(Result::ok);
    let last = records.last()?;
    let [.., word] = last.header.args;
    turn_of_word(word).filter(|_| last.kind == EventKind::Snapshot)
}

/// The chunks of the first whole snapshot behind an event.
pub fn places(
    file: i32,
    size: u64,
    process: u32,
    event: u64,
) -> Result<Vec<ChunkPlace>, ReplayError> {
    let mut window = vec![0; WINDOW];
    let mut scan = ChunkScan::new(&mut window, size);
    let mut read = |offset: u64, buffer: &mut [u8]| system::read_at(file, buffer, offset);
    let mut found = Vec::new();
    while let Some(scanned) = scan.next(&mut read).map_err(|_| FeedError::Unreadable)? {
        let Scanned::Chunk(place) = scanned else {
            continue;
        };
        if (place.header.process, place.header.first_event) != (process, event) {
            continue;
        }
        found.push(place);
        if place.header.landmarks & landmark::SNAPSHOT != 0 {
            break;
        }
    }
    Ok(found)
}

#[derive(Default)]
struct Restoring {
    has_begun: bool,
    incoming: Option<Incoming>,
    running: Option<ThreadState>,
}

impl Restoring {
    /// The first record that says something of the state: there is nothing of it yet.
    fn begin(&mut self, machine: &mut Machine) {
        if !core::mem::replace(&mut self.has_begun, true) {
            machine.begin_image();
        }
    }

    fn apply(&mut self, machine: &mut Machine, one: &Attachment<'_>) -> Result<(), ReplayError> {
        if one.tag != Tag::Vectors {
            self.take_thread(machine)?;
        }
        let Machine {
            memory, translator, ..
        } = machine;
        let address = one.address;
        let value = one
            .value()
            .ok_or(ReplayError::BadEvent("an attachment without a value"));
        match one.tag {
            Tag::Map => {
                let record = MapRecord::from_bytes(one.payload)
                    .ok_or(ReplayError::BadEvent("a Map that no snapshot has"))?;
                memory.map(translator, address, &record)?;
                let at_fork = AtFork {
                    is_left_out: one.flags & mapping::LEFT_OUT != 0,
                    is_wiped: one.flags & mapping::WIPED != 0,
                };
                memory.advise_fork(address, record.length, |advice| *advice = at_fork);
            }
            Tag::Write => memory.write(translator, address, one.payload)?,
            Tag::ObjectWrite => {
                let bad = ReplayError::BadEvent("bytes of no object");
                let (object, bytes) = one.object_bytes().ok_or(bad)?;
                memory.write_object(translator, object, address, bytes)?;
            }
            Tag::ObjectZero => {
                let bad = ReplayError::BadEvent("zeros of no object");
                let (object, length) = one.object_zeros().ok_or(bad)?;
                memory.zero_object(translator, object, address, length)?;
            }
            Tag::Patch => memory.patch(translator, address, one.payload)?,
            Tag::Translated => memory.translate_code_in(address, value?),
            Tag::Detour => machine.add_detour(address),
            Tag::Processor => machine.processor.set_names(one.payload),
            Tag::ThreadFile => machine.names.set_file(address as i32, value? as u32),
            Tag::Thread => self.incoming = Some(begin_thread(machine, one)?),
            Tag::Vectors => {
                let thread = self.incoming.as_mut();
                let thread = thread.ok_or(ReplayError::BadEvent("vectors of no thread"))?;
                thread.vectors.push((address, Vec::from(one.payload)));
            }
            // What people are told of the program.
            Tag::Path | Tag::Argv | Tag::Envp | Tag::Auxv => {}
            _ => return Err(ReplayError::BadEvent("an attachment that no snapshot has")),
        }
        Ok(())
    }

    /// All of a thread is known.
    fn take_thread(&mut self, machine: &mut Machine) -> Result<(), ReplayError> {
        let Some(thread) = self.incoming.take() else {
            return Ok(());
        };
        let components = thread.vectors.iter();
        let components = components.map(|(number, content)| (*number, content.as_slice()));
        let state = ThreadState {
            registers: thread.registers,
            vectors: VectorState::of_components(&machine.translator, components)
                .ok_or(ReplayError::BadEvent("vectors that this processor has not"))?,
        };
        let (tid, threads) = (thread.tid, &mut machine.threads);
        if thread.role & role::COMPANION != 0 {
            threads.companions.insert(tid);
        }
        if thread.role & role::RUNNING != 0 {
            self.running = Some(state);
        } else if thread.role & role::VFORK_PARENT != 0 {
            threads.vfork_parents.push(VforkParent { tid, state });
        } else {
            threads.waiting.insert(tid, state);
        }
        Ok(())
    }

    fn finish(&mut self, machine: &mut Machine, header: &EventHeader) -> Result<(), ReplayError> {
        self.take_thread(machine)?;
        let state = self.running.take();
        let state = state.ok_or(ReplayError::BadEvent("a snapshot without a running thread"))?;
        let has = |flag: u8| header.flags & flag != 0;
        machine.threads.current = (!has(running::NOBODY)).then_some(header.tid);
        machine.threads.ended = has(running::ENDED);
        let [_, instructions, program_break, shared, main, _] = header.args;
        machine.program_break = Some(program_break).filter(|&address| address != 0);
        // Those that are mapped here have been counted.
        let shared = shared.max(machine.memory.shared_without_file());
        machine.memory.set_shared_without_file(shared);
        machine.names.begin_with(main as u32);
        let instructions = match instructions {
            NOT_COUNTED => 0,
            counted => counted,
        };
        machine.resume(&state, instructions, has(running::STEPPED));
        Ok(())
    }
}

fn begin_thread(machine: &mut Machine, one: &Attachment<'_>) -> Result<Incoming, ReplayError> {
    let bad = ReplayError::BadEvent("a damaged thread");
    let registers = Registers::from_bytes(one.payload).ok_or(bad)?;
    let name = one.payload.get(Registers::SIZE..).ok_or(bad)?;
    let name: &[u8; NAME_SIZE] = name.first_chunk().ok_or(bad)?;
    let tid = u32::try_from(one.address).map_err(|_| bad)?;
    if name[0] != 0 {
        machine.names.set_name(tid, *name);
    }
    Ok(Incoming {
        tid,
        role: one.flags,
        registers,
        vectors: Vec::new(),
    })
}
