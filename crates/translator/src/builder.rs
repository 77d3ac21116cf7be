//! Translates one block.

use crate::accounting::phase_behind;
use crate::build::{Build, FetchFault, Mode, Next, Pending, CALL_DEPTH, MAX_COUNT, UNCHECKED};
use crate::classify::{self, STATUS_FLAGS};
use crate::context::field;
use crate::engine::{Engine, PROLOGUE, STUB_SIZE};
use crate::guest::{guest_range, CodeFault, CodeRange, GuestCode, NO_CODE};
use crate::store::{key, Block, ExitKind, Note, PageLink, LIVE, NONE, SLOW};
use iced_x86::{Decoder, DecoderOptions, Instruction};

impl Engine {
    /// The executable range around `address`, joined with its successor when an instruction might
    /// cross over.
    pub(crate) fn range_at<G: GuestCode>(
        &mut self,
        guest: &mut G,
        address: u64,
    ) -> Result<CodeRange, FetchFault> {
        let mut range = guest_range(guest, &mut self.range, address)
            .map_err(|fault| FetchFault { fault, address })?;
        if range.end - address < 16 {
            if let Ok(next) = guest.executable_range(range.end) {
                range.end = next.end;
            }
        }
        self.range = Some(range);
        Ok(range)
    }

    /// Translate the code at `start`, which is about to be entered with this phase.
    /// There must be room (`has_room`).
    pub fn build<G: GuestCode>(
        &mut self,
        guest: &mut G,
        start: u64,
        mode: Mode,
        phase: i16,
    ) -> Result<u32, FetchFault> {
        let body = match mode {
            Mode::Normal => self.hot + PROLOGUE,
            _ => self.hot,
        };
        debug_assert!(self.path_limit <= MAX_COUNT);
        debug_assert_eq!(
            phase_behind(phase),
            phase,
            "the phase of a block is bounded"
        );
        let limit = match mode {
            Mode::Normal if self.path_limit != 0 => self.path_limit,
            Mode::Normal => MAX_COUNT,
            Mode::Exact(limit) => limit,
            Mode::Unchecked | Mode::Once { .. } => 1,
        };
        let mut b = Build {
            e: self.emitter(body),
            body,
            mode,
            limit,
            checks_accesses: self.watched_access != 0 && mode.checks_accesses(),
            count: 0,
            branches: 0,
            undecided: STATUS_FLAGS,
            killed_at: LIVE,
            number: self.store.blocks.len() as u32,
            notes: self.store.notes.len() as u32,
            jumps: self.store.jumps.len() as u32,
            first_page: start >> 12,
            last_page: start >> 12,
            start,
            returns: [0; CALL_DEPTH],
            depth: 0,
            traced: mode == Mode::Normal && self.path_limit != 0,
            path_at: 0,
            calls_at: 0,
            phase: if mode == Mode::Normal { phase } else { 0 },
            is_charged: false,
        };
        self.pending.clear();
        let result = self.translate_from(guest, &mut b, start);
        if let Err(fault) = result {
            self.store.notes.truncate(b.notes as usize);
            self.store.jumps.truncate(b.jumps as usize);
            return Err(fault);
        }
        Ok(self.finish(guest, b))
    }

    pub(crate) fn translate_from<G: GuestCode>(
        &mut self,
        guest: &mut G,
        b: &mut Build,
        start: u64,
    ) -> Result<(), FetchFault> {
        let mut pc = start;
        let mut instruction = Instruction::default();
        let mut copy = NO_CODE;
        loop {
            let range = match self.range_at(guest, pc) {
                Ok(range) => range,
                Err(fault) if b.count == 0 => return Err(fault),
                Err(_) => {
                    self.leave_to(guest, b, pc);
                    return Ok(());
                }
            };
            let length = (range.end - pc).min(4096) as usize;
            let (bytes, first) = (guest.code(pc, length, &mut copy), pc);
            let mut decoder = Decoder::with_ip(64, bytes, pc, DecoderOptions::NONE);
            // Hooks do not apply where the block starts: that was dealt with before.
            let from = if pc == start { start + 1 } else { pc };
            let behind = self.hooks.partition_point(|&hook| hook < from);
            let next_hook = self.hooks.get(behind).copied().unwrap_or(u64::MAX);
            loop {
                if b.count >= b.limit || pc == next_hook {
                    self.leave_to(guest, b, pc);
                    return Ok(());
                }
                if let Some(landing) = self.landing.filter(|landing| landing.address == pc) {
                    // A single instruction has been checked before.
                    if !matches!(b.mode, Mode::Unchecked | Mode::Once { .. }) {
                        self.check_landing(b, &landing);
                    }
                }
                let code = &bytes[(pc - first) as usize..];
                if !b.checks_accesses {
                    if let Some(length) = self.copy_plain(b, pc, code) {
                        pc += length as u64;
                        if length == code.len() {
                            break;
                        }
                        continue;
                    }
                }
                if decoder.ip() != pc {
                    // It has not seen what was copied.
                    let position = (pc - first) as usize;
                    decoder.set_position(position).expect("inside its bytes");
                    decoder.set_ip(pc);
                }
                decoder.decode_out(&mut instruction);
                if instruction.is_invalid() {
                    if decoder.last_error() == iced_x86::DecoderError::NoMoreBytes {
                        if b.count > 0 {
                            self.leave_to(guest, b, pc);
                            return Ok(());
                        }
                        let address = range.end;
                        let fault = match guest.executable_range(address) {
                            Err(fault) => fault,
                            Ok(_) => CodeFault {
                                signal: 11,
                                code: 1,
                            },
                        };
                        return Err(FetchFault { fault, address });
                    }
                    let kind = if classify::is_too_long(code) {
                        ExitKind::TooLong
                    } else {
                        ExitKind::Invalid
                    };
                    self.stop_at(b, pc, kind);
                    return Ok(());
                }
                let info = self.classifier.get(&instruction);
                let next = self.one(guest, b, &instruction, info, &decoder, pc, code);
                b.last_page = b.last_page.max((instruction.next_ip() - 1) >> 12);
                match next {
                    Next::Straight => pc = instruction.next_ip(),
                    Next::At(target) => {
                        self.watch_pages(guest, b);
                        b.first_page = target >> 12;
                        b.last_page = target >> 12;
                        self.store.jumps.push((b.count, target));
                        pc = target;
                        break;
                    }
                    Next::End => return Ok(()),
                }
                if pc >= range.end || !decoder.can_decode() {
                    break;
                }
            }
        }
    }

    /// Translate the instruction at `pc`, where this code is, if it is one of those known here; its length.
    #[inline]
    pub(crate) fn copy_plain(&mut self, b: &mut Build, pc: u64, code: &[u8]) -> Option<usize> {
        let window = code.first_chunk()?;
        let plain = self.plain.find(window)?;
        let length = usize::from(plain.length);
        b.track_flags(plain.read, plain.killed);
        // SAFETY: 16 bytes can be read.
        unsafe { b.e.copy16(window.as_ptr(), length) };
        self.note(b, length, None, None);
        b.last_page = b.last_page.max((pc + length as u64 - 1) >> 12);
        Some(length)
    }

    /// Record an instruction that has been emitted.
    #[inline]
    pub(crate) fn note(
        &mut self,
        b: &mut Build,
        length: usize,
        scratch: Option<u8>,
        second: Option<u8>,
    ) {
        let end = (b.e.address() - b.body) as u32;
        self.store
            .notes
            .push(Note::new(end, length as u8, scratch, second));
        b.count += 1;
    }

    /// End the block here and leave to Rust with `kind`; `target` is where the guest is then.
    pub(crate) fn stop_at(&mut self, b: &mut Build, target: u64, kind: ExitKind) {
        b.need_flags();
        b.e.store_constant(field!(exit), 0);
        let number_at = b.e.address() - 4;
        b.e.jump(self.leave);
        self.pending.push(Pending {
            executed: b.count,
            target,
            field: 0,
            kind,
            number_at,
            charge_only: false,
        });
    }

    pub(crate) fn end_with(&mut self, b: &mut Build, pc: u64, kind: ExitKind) -> Next {
        self.stop_at(b, pc, kind);
        Next::End
    }

    /// Write stubs and accounting, enter the block in the tables.
    pub(crate) fn finish<G: GuestCode>(&mut self, guest: &mut G, b: Build) -> u32 {
        self.hot = b.e.address();
        if !b.mode.is_once() {
            self.watch_pages(guest, &b);
        }
        let mut pending = core::mem::take(&mut self.pending);
        let is_loop = |leaving: &Pending| leaving.field != 0 && leaving.target == b.start;
        let is_looping = pending.iter().any(is_loop);
        let is_charged = b.mode == Mode::Normal && b.count > 0 && (b.is_charged || is_looping);
        let (entry_phase, phase) = if is_charged {
            // Round a loop it comes with what is due at the end, which is nothing.
            let entry_phase = if is_looping { 0 } else { b.phase };
            (entry_phase, -i16::from(b.count))
        } else {
            (b.phase, b.phase)
        };
        for leaving in &pending {
            let due = phase + i16::from(leaving.executed);
            if leaving.charge_only {
                let mut e = self.emitter(leaving.number_at);
                e.u32(-i32::from(due) as u32);
                continue;
            }
            let exit = self
                .store
                .new_exit(b.number, leaving.target, due, leaving.kind);
            if leaving.field == 0 {
                let mut e = self.emitter(leaving.number_at);
                e.u32(exit);
                continue;
            }
            let stub = self.cold;
            let mut cold = self.emitter(stub);
            self.write_stub(&mut cold, exit);
            self.cold = stub + STUB_SIZE as u64;
            let mut e = self.emitter(leaving.field);
            e.relative(stub, 0);
            let entry = &mut self.store.exits[exit as usize];
            entry.stub = (stub - self.base) as u32;
            if b.mode == Mode::Normal {
                entry.field = (leaving.field - self.base) as u32;
            }
        }
        pending.retain(|leaving| !leaving.charge_only);
        let first_exit = self.store.exits.len() as u32 - pending.len() as u32;
        let mut slow = 0;
        if b.mode == Mode::Normal {
            slow = self.offset(self.cold);
            let mut cold = self.emitter(self.cold);
            self.write_stub(&mut cold, SLOW | b.number);
            self.cold = cold.address();
        }
        let mut block = Block {
            guest: b.start,
            entry: 0,
            body: self.offset(b.body),
            end: self.offset(self.hot),
            slow,
            indirect: 0,
            indirect_miss: 0,
            indirect_next: NONE,
            notes: b.notes,
            jumps: b.jumps,
            jump_count: (self.store.jumps.len() - b.jumps as usize) as u16,
            phase,
            entry_phase,
            count: b.count,
            killed_at: if b.mode == Mode::Normal {
                b.killed_at
            } else {
                LIVE
            },
            incoming: NONE,
            limit: match b.mode {
                Mode::Normal => 0,
                Mode::Exact(limit) => limit,
                Mode::Unchecked => UNCHECKED,
                Mode::Once { .. } => 1,
            },
            valid: !b.mode.is_once(),
            traced: b.traced,
        };
        block.entry = if b.mode == Mode::Normal {
            let entry = self.write_prologue(b.number, &block);
            self.offset(entry)
        } else {
            block.body
        };
        self.store.blocks.push(block);
        if !b.mode.is_once() {
            self.store
                .by_address
                .insert(key(b.start, block.limit), b.number);
        }
        if b.mode == Mode::Normal {
            for (index, leaving) in pending.iter().enumerate() {
                if leaving.field != 0 {
                    if let Some(target) = self.store.by_address.get(leaving.target) {
                        self.link(first_exit + index as u32, target);
                    }
                }
            }
        }
        pending.clear();
        self.pending = pending;
        b.number
    }

    /// Put the block on the lists of the pages its latest stretch of code lies on.
    pub(crate) fn watch_pages<G: GuestCode>(&mut self, guest: &mut G, b: &Build) {
        if b.mode.is_once() {
            return;
        }
        for page in b.first_page..=b.last_page {
            self.add_page(guest, b.number, page);
        }
    }

    /// Drop block `number` when code of `page` changes.
    pub(crate) fn add_page<G: GuestCode>(&mut self, guest: &mut G, number: u32, page: u64) {
        let head = match self.store.pages.get(page) {
            Some(head) => head,
            None => {
                guest.watch_page(page << 12);
                NONE
            }
        };
        if head != NONE && self.store.page_links[head as usize].block == number {
            return;
        }
        let link = self.store.page_links.len() as u32;
        self.store.page_links.push(PageLink {
            block: number,
            next: head,
        });
        self.store.pages.insert(page, link);
    }
}
