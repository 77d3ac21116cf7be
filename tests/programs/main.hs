module Main where
import Control.Concurrent
import Control.Monad
import Data.List
import qualified Data.Map as M
import Text.Printf
main :: IO ()
main = do
  let m = M.fromListWith (+) [(i * 7919 `mod` 997, i) | i <- [1 .. 200000 :: Int]]
  print (M.size m, foldl' (+) 0 (M.elems m))
  printf "%.6f\n" (sum (map (sqrt . fromIntegral) [1 .. 100000 :: Int]) :: Double)
  box <- newEmptyMVar
  forM_ [1 .. 10 :: Int] $ \i -> forkIO (putMVar box (sum [1 .. i * 1000]))
  replicateM 10 (takeMVar box) >>= print . sort
