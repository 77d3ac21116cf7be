//! Serving a client while the replay stands still.

use alloc::vec::Vec;

use reenact_trace::Registers;
use reenact_translator::Watch;

use super::channel::{Channel, Received, MOST_MESSAGE};
use super::message::{self, reply, Operation, Reader, Reason};
use super::place::StopPoint;
use super::range::CodeRange;
use super::{Control, Run};
use crate::exit_status;
use crate::machine::Machine;
use crate::object_copies;
use crate::system;
use crate::ticks;
use crate::xsave_area::VectorState;

/// Most payload of a reply.
pub(super) const MOST_PAYLOAD: usize = MOST_MESSAGE / 2;

impl Control {
    /// Tell the client where the replay stands, and answer until it wants to go on.
    pub(super) fn stop(&mut self, machine: &mut Machine, reason: Reason, detail: [u64; 2]) {
        // A page the log says will fault is readable for everybody but the program.
        let closed = machine.open_closed_page();
        if self.run.is_native {
            ticks::end();
            machine.end_points();
        }
        let place = self.place(machine, reason, detail);
        self.send_stop(place);
        loop {
            match self.channel.receive(&mut self.request, true) {
                Received::Message(length, descriptor) => {
                    let request = core::mem::take(&mut self.request);
                    let goes_on = self.answer(machine, place, &request[..length], descriptor);
                    self.request = request;
                    if goes_on {
                        break;
                    }
                }
                _ => system::exit(0),
            }
        }
        machine.close_opened_page(closed);
    }

    pub(super) fn operation(&self, length: usize) -> Option<Operation> {
        operation_of(self.request.get(..length)?)
    }

    /// Answer one request; whether the replay goes on.
    fn answer(
        &mut self,
        machine: &mut Machine,
        place: StopPoint,
        request: &[u8],
        descriptor: Option<i32>,
    ) -> bool {
        let Some(operation) = operation_of(request) else {
            self.refuse("unknown request");
            return false;
        };
        if operation != Operation::Interrupt {
            // An interrupt is not answered: what it stops is.
            self.tag = tag_of(request);
        }
        let mut reader = Reader::new(&request[8..]);
        match operation {
            Operation::Run if self.is_branch => {
                self.refuse("a branch cannot follow the recording");
            }
            Operation::Run if machine.counted_since_event().is_none() => {
                self.refuse("nobody has counted how it came here");
            }
            Operation::Run => {
                self.set_run(machine, &mut reader);
                return true;
            }
            Operation::ReadRegisters => self.read_registers(machine, reader.u64()),
            Operation::WriteRegisters => self.write_registers(machine, reader.rest()),
            Operation::ReadMemory => {
                let (address, length) = (reader.u64(), reader.u64());
                self.read_memory(machine, address, length);
            }
            Operation::WriteMemory => {
                let address = reader.u64();
                self.write_memory(machine, address, reader.rest());
            }
            Operation::MapMemory => {
                let (address, length) = (reader.u64(), reader.u64());
                self.map_memory(machine, address, length, reader.u64());
            }
            Operation::Fork => self.fork(machine, place, descriptor),
            Operation::Mappings => self.mappings(machine, reader.u64()),
            Operation::Threads => self.threads(machine),
            Operation::ThreadNames => self.thread_names(machine, reader),
            Operation::History => self.passed(reader.u64()),
            Operation::Breakpoints => {
                let mut addresses = Vec::new();
                while reader.has_word() {
                    addresses.push(reader.u64());
                }
                machine.set_breakpoints(&addresses);
                self.send_data(|_| {});
            }
            Operation::Watches => {
                let mut watches = Vec::new();
                while reader.has_word() {
                    let (start, length, access) = (reader.u64(), reader.u64(), reader.u64());
                    watches.push(Watch {
                        start,
                        end: start.saturating_add(length),
                        access: access as u8 & (Watch::READ | Watch::WRITE),
                    });
                }
                self.watched.set(machine, watches);
                self.send_data(|_| {});
            }
            Operation::Conditions => {
                if self.conditions.set(reader) {
                    self.send_data(|_| {});
                } else {
                    self.refuse("these conditions cannot be understood");
                }
            }
            Operation::Evaluate => self.evaluate(machine, reader.rest()),
            Operation::Collect => {
                if self.collection.set(reader) {
                    self.send_data(|_| {});
                } else {
                    self.refuse("what is to be collected cannot be understood");
                }
            }
            Operation::Collected => {
                let mut collection = core::mem::take(&mut self.collection);
                self.send_data(|out| collection.take(out));
                self.collection = collection;
            }
            Operation::Hits => {
                let listed = core::mem::take(&mut self.listed);
                self.send_data(|out| listed.write(out));
                self.listed = listed;
            }
            Operation::State => self.send_stop(place),
            // It came too late: the replay has stopped already, and has said so.
            Operation::Interrupt => {}
            Operation::Checksum => self.checksum(machine, reader.u64(), reader.u64()),
            Operation::RunFree => self.run_free(machine, reader.u64()),
        }
        false
    }

    fn set_run(&mut self, machine: &Machine, reader: &mut Reader<'_>) {
        let here = (self.event, machine.since_event());
        let words: [u64; 12] = core::array::from_fn(|_| reader.u64());
        let [target_event, target_instructions, steps, most_work, most_event, catch, remember, leave, flags, start, end, tid] =
            words;
        self.run = Run {
            target_event,
            target_instructions,
            steps,
            most_work,
            most_event,
            catch,
            remember: remember != 0,
            except: (leave & 1 != 0).then_some(here),
            except_access: (leave & 2 != 0).then_some(here),
            asks_behind: flags & 1 != 0,
            collects: flags & 2 != 0,
            lists: flags & 8 != 0,
            ends_at_many: (flags & 32 != 0).then(|| self.work(machine)),
            range: (end != 0).then_some(CodeRange {
                start,
                end,
                tid: tid as u32,
                is_sought: flags & 4 != 0,
            }),
            is_native: self.has_native && flags & 16 != 0,
            counted_behind: (leave != 0 || here.1 > 0 && machine.has_points())
                .then_some(self.event),
        };
        self.hits_since_event = 0;
        if self.run.is_native {
            self.ticks = ticks::count();
            ticks::begin(self.channel.descriptor());
        }
        self.remembered = None;
        self.listed.clear();
        self.begun.clear();
        self.hits = 0;
    }

    pub(super) fn send(&mut self) {
        if !self.channel.send(&self.reply) {
            system::exit(0);
        }
    }

    pub(super) fn refuse(&mut self, why: &str) {
        message::begin(&mut self.reply, reply::REFUSED, self.tag);
        self.reply.extend_from_slice(why.as_bytes());
        self.send();
    }

    pub(super) fn send_data(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        message::begin(&mut self.reply, reply::DATA, self.tag);
        write(&mut self.reply);
        self.send();
    }

    pub(super) fn send_stop(&mut self, place: StopPoint) {
        message::begin(&mut self.reply, reply::STOP, self.tag);
        place.write(&mut self.reply);
        self.reply.extend_from_slice(&self.hits.to_le_bytes());
        if let Some(remembered) = self.remembered {
            remembered.write(&mut self.reply);
        } else {
            self.reply.extend_from_slice(&[0xff; StopPoint::SIZE]);
        }
        self.reply.extend_from_slice(self.failure.as_bytes());
        self.reply.truncate(MOST_PAYLOAD);
        self.send();
    }

    fn write_registers(&mut self, machine: &mut Machine, bytes: &[u8]) {
        let Some(registers) = Registers::from_bytes(bytes) else {
            self.refuse("too few registers");
            return;
        };
        self.is_branch = true;
        machine.set_registers(&registers);
        let vectors = &bytes[Registers::SIZE..];
        if !vectors.is_empty() {
            match VectorState::from_bytes(&machine.translator, vectors) {
                Some(state) => state.load(&mut machine.translator),
                None => {
                    self.refuse("the vector state has another size on this machine");
                    return;
                }
            }
        }
        self.send_data(|_| {});
    }

    fn write_memory(&mut self, machine: &mut Machine, address: u64, bytes: &[u8]) {
        self.is_branch = true;
        let Machine {
            memory, translator, ..
        } = machine;
        match memory.write(translator, address, bytes) {
            Ok(()) => self.send_data(|_| {}),
            Err(_) => self.refuse("that memory cannot be written"),
        }
    }

    /// Make a copy of this process that serves at `descriptor`.
    fn fork(&mut self, machine: &mut Machine, place: StopPoint, descriptor: Option<i32>) {
        let Some(descriptor) = descriptor else {
            self.refuse("no descriptor came with the request");
            return;
        };
        let channel = Channel::new(descriptor);
        let is_slow = object_copies::are_needed(machine);
        match system::fork() {
            Ok(0) => {
                self.channel.close();
                self.channel = channel;
                self.tag = 0;
                // Where that matters, the client lets the original go on only when it has heard of the copy.
                if object_copies::separate(machine).is_err() {
                    // Out of memory or descriptors: the client finds that the copy is gone.
                    system::exit(exit_status::INTERNAL);
                }
                self.send_stop(place);
            }
            Ok(pid) => {
                channel.close();
                self.send_data(|out| {
                    for word in [u64::from(pid), u64::from(is_slow)] {
                        out.extend_from_slice(&word.to_le_bytes());
                    }
                });
            }
            Err(_) => {
                channel.close();
                self.refuse("the kernel does not let the replayer fork");
            }
        }
    }
}

fn operation_of(request: &[u8]) -> Option<Operation> {
    let word = request.get(..8)?.first_chunk()?;
    Operation::from_u32(u32::from_le_bytes(*word))
}

fn tag_of(request: &[u8]) -> u32 {
    let word = request.get(4..8).and_then(<[u8]>::first_chunk);
    word.map_or(0, |word| u32::from_le_bytes(*word))
}
