//! The segments that the data of a scan needs: frame, quantisation, codes, restarts. Source: ITU-T T.81, annex B.

use super::huffman::Table;
use std::cell::RefCell;
use std::rc::Rc;

/// A component, as the frame header has it.
#[derive(Clone, Copy, Debug)]
pub struct Component {
    pub id: u8,
    /// Blocks of it in a unit of an interleaved scan.
    pub across: usize,
    pub down: usize,
    /// Which quantisation table.
    pub quantisation: usize,
}

/// Everything that has been defined so far.
#[derive(Default)]
pub struct Header {
    pub components: Vec<Component>,
    pub progressive: bool,
    /// Units between restarts; 0 for none.
    pub restart: usize,
    /// By number, in zigzag order.
    pub quantisation: [Option<[u16; 64]>; 4],
    pub dc: [Option<Rc<Table>>; 4],
    pub ac: [Option<Rc<Table>>; 4],
}

impl Header {
    /// Takes one segment in, marker included. None when it is not as the standard has it.
    pub fn take(&mut self, segment: &[u8]) -> Option<()> {
        let content = segment.get(4..)?;
        match segment.get(1)? {
            0xC0..=0xC2 => self.frame(segment[1] == 0xC2, content),
            0xC4 => self.codes(content),
            0xDB => self.quantisation(content),
            0xDD => {
                self.restart = usize::from(u16::from_be_bytes(*content.first_chunk()?));
                Some(())
            }
            _ => None,
        }
    }

    fn frame(&mut self, progressive: bool, content: &[u8]) -> Option<()> {
        self.progressive = progressive;
        let component = |&[id, sampling, quantisation]: &[u8; 3]| {
            let (across, down) = (usize::from(sampling >> 4), usize::from(sampling & 15));
            let sound = (1..=4).contains(&across) && (1..=4).contains(&down) && quantisation < 4;
            sound.then_some(Component { id, across, down, quantisation: usize::from(quantisation) })
        };
        self.components = content.get(6..)?.as_chunks::<3>().0.iter().map(component).collect::<Option<_>>()?;
        Some(())
    }

    fn quantisation(&mut self, mut content: &[u8]) -> Option<()> {
        while let Some((&kind, rest)) = content.split_first() {
            let bytes = usize::from(kind >> 4) + 1;
            if bytes > 2 {
                return None;
            }
            let (values, rest) = rest.split_at_checked(64 * bytes)?;
            let value = |i: usize| match bytes {
                1 => u16::from(values[i]),
                _ => u16::from_be_bytes([values[2 * i], values[2 * i + 1]]),
            };
            *self.quantisation.get_mut(usize::from(kind & 15))? = Some(std::array::from_fn(value));
            content = rest;
        }
        Some(())
    }

    fn codes(&mut self, mut content: &[u8]) -> Option<()> {
        while let Some((&kind, rest)) = content.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>()?;
            let (symbols, rest) = rest.split_at_checked(counts.iter().map(|&c| usize::from(c)).sum())?;
            let tables = match kind >> 4 {
                // A difference has at most 15 bits.
                0 if symbols.iter().all(|&symbol| symbol <= 15) => &mut self.dc,
                1 => &mut self.ac,
                _ => return None,
            };
            *tables.get_mut(usize::from(kind & 15))? = Some(kept(kind >> 4 != 0, counts, symbols)?);
            content = rest;
        }
        Some(())
    }
}

/// A table with what it was made of: for AC or not, counts, symbols.
type Kept = (bool, Vec<u8>, Rc<Table>);

thread_local! {
    /// Most files have the standard's tables, and the images of one camera the same.
    static KEPT: RefCell<Vec<Kept>> = RefCell::default();
}

/// The most tables that are kept, for each thread: 16 KiB each.
const MOST_KEPT: usize = 8;

fn kept(ac: bool, counts: &[u8; 16], symbols: &[u8]) -> Option<Rc<Table>> {
    let same = |(for_ac, key, _): &Kept| *for_ac == ac && key[..16] == *counts && key[16..] == *symbols;
    KEPT.with_borrow_mut(|all| {
        if let Some((_, _, table)) = all.iter().find(|one| same(one)) {
            return Some(Rc::clone(table));
        }
        let table = Table::new(counts, symbols)?;
        let table = Rc::new(if ac { table.with_steps() } else { table });
        if all.len() >= MOST_KEPT {
            all.remove(0);
        }
        all.push((ac, [&counts[..], symbols].concat(), Rc::clone(&table)));
        Some(table)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_taken_in() {
        let mut header = Header::default();
        header.take(b"\xFF\xC0\0\x0B\x08\0\x05\0\x07\x01\x01\x21\x03").unwrap();
        let one = header.components[0];
        assert_eq!((one.id, one.across, one.down, one.quantisation), (1, 2, 1, 3));
        header.take(b"\xFF\xDD\0\x04\x01\x02").unwrap();
        assert_eq!((header.restart, header.progressive), (258, false));
        header.take(&[&b"\xFF\xDB\0\x43\x02"[..], &[9; 64]].concat()).unwrap();
        assert_eq!(header.quantisation[2], Some([9; 64]));
        assert!(header.take(&[&b"\xFF\xDB\0\x43\x02"[..], &[9; 63]].concat()).is_none());
        let codes = [&b"\xFF\xC4\0\x15\x11"[..], &[0, 2], &[0; 14], &[5, 6]].concat();
        header.take(&codes).unwrap();
        let first = Rc::clone(header.ac[1].as_ref().unwrap());
        header.take(&codes).unwrap();
        assert!(Rc::ptr_eq(&first, header.ac[1].as_ref().unwrap()) && header.dc[1].is_none());
    }
}
