"""Programs in languages whose compilers lay tables next to code; the compilers do so, too."""

from __future__ import annotations

#: Info tables before each piece of code.
HASKELL = """
module Main where
import qualified Data.Map as Map
import Data.List (foldl', sortOn)
main :: IO ()
main = do
  let step known n = Map.insertWith (+) (n * 7919 `mod` 101) n known
      table = foldl' step Map.empty [1 .. SIZE :: Int]
  print (Map.foldr (+) 0 table)
  mapM_ print (take 5 (sortOn negate (Map.toList table)))
"""

#: Tables of the garbage collector and of `match`.
OCAML = """
let table = Hashtbl.create 97
let name n = match n mod 7 with
  | 0 -> "zero" | 1 -> "one" | 2 -> "two" | 3 -> "three" | 4 -> "four" | 5 -> "five" | _ -> "six"
let () =
  for n = 1 to SIZE do
    let key = name (n * 7919 mod 101) in
    let old = try Hashtbl.find table key with Not_found -> 0 in
    Hashtbl.replace table key (old + n)
  done;
  let all = Hashtbl.fold (fun key sum list -> (key, sum) :: list) table [] in
  List.iter (fun (key, sum) -> Printf.printf "%s %d\\n" key sum) (List.sort compare all)
"""
