using System.Globalization;
using System.Text;
using Stoa.Wasm.Text;

namespace Stoa.Market.Tests.Calls;

/// <summary>Programs in the text format that call others.</summary>
public static class CallPrograms
{
    /// <summary>
    /// Calls an agent so many times with its own input in pieces of 1,000 bytes, and writes for each the status and what was answered, in pieces of 700 bytes.
    /// </summary>
    /// <param name="agent">Full name of the version.</param>
    /// <param name="times">How often.</param>
    /// <param name="more">Members of the message beside op and agent.</param>
    public static byte[] Caller(string agent, int times = 1, string more = "") => Program(
        $$"""{"op":"call","agent":"{{agent}}"{{more}}}""", Repeating(times));

    /// <summary>Sends the message, gives it the input, runs it and writes what came.</summary>
    public static string Repeating(int times) =>
        $$"""
        (local $handle i32) (local $size i32) (local $at i32) (local $count i32) (local $left i32)
        (local.set $size (call $readAll))
        (local.set $left (i32.const {{times}}))
        (loop $again
          (local.set $handle (call $request (i32.const 256) (global.get $message)))
          (if (i32.lt_s (local.get $handle) (i32.const 1)) (then unreachable))
          (local.set $at (i32.const 0))
          (block $written (loop $write
            (br_if $written (i32.ge_u (local.get $at) (local.get $size)))
            (local.set $count (i32.sub (local.get $size) (local.get $at)))
            (if (i32.gt_u (local.get $count) (i32.const 1000)) (then (local.set $count (i32.const 1000))))
            (local.set $count (call $write (local.get $handle) (i32.add (i32.const 0x10000) (local.get $at)) (local.get $count)))
            (br_if $written (i32.lt_s (local.get $count) (i32.const 0)))
            (local.set $at (i32.add (local.get $at) (local.get $count)))
            (br $write)))
          (i32.store8 (i32.const 64) (i32.add (i32.const 48) (call $run (local.get $handle))))
          (call $put (i32.const 64) (i32.const 1))
          (block $read (loop $more
            (local.set $count (call $read (local.get $handle) (i32.const 1024) (i32.const 700)))
            (if (i32.lt_s (local.get $count) (i32.const 0)) (then unreachable))
            (br_if $read (i32.eqz (local.get $count)))
            (call $put (i32.const 1024) (local.get $count))
            (br $more)))
          (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
        """;

    /// <summary>Asks a model so many times with its own input as body, and writes for each the status and what was answered, as <see cref="Caller"/> does.</summary>
    public static byte[] Asker(int times = 1, string path = "chat/completions") => Program($$"""{"op":"ask","path":"{{path}}"}""", Repeating(times));

    /// <summary>Opens a call of an agent at 256, whose message has the length <c>$message</c>, and does with it what the code says.</summary>
    public static byte[] Opening(string agent, string code) => Program($$"""{"op":"call","agent":"{{agent}}"}""", $"(local $handle i32) {code}");

    /// <summary>Recurses so deep, then calls an agent, writes its answer, and returns.</summary>
    public static byte[] DeepCaller(string agent, int depth) => Program(
        $$"""{"op":"call","agent":"{{agent}}"}""",
        string.Create(CultureInfo.InvariantCulture, $"(call $deep (i32.const {depth}))"),
        """
        (func $deep (param i32)
          (if (local.get 0)
            (then (call $deep (i32.sub (local.get 0) (i32.const 1))))
            (else
              (local.set 0 (call $request (i32.const 256) (global.get $message)))
              (i32.store8 (i32.const 64) (i32.add (i32.const 48) (call $run (local.get 0))))
              (call $put (i32.const 64) (i32.const 1))
              (call $put (i32.const 1024) (call $read (local.get 0) (i32.const 1024) (i32.const 700)))))
          (i32.store (i32.const 72) (local.get 0)))
        """);

    /// <summary>The module of a program in the text format.</summary>
    public static byte[] Program(string message, string start, string functions = "") => ModuleText.ToBinary(string.Create(CultureInfo.InvariantCulture,
        $$"""
        (module
          (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
          (import "stoa" "request" (func $request (param i32 i32) (result i32)))
          (import "stoa" "read" (func $read (param i32 i32 i32) (result i32)))
          (import "stoa" "write" (func $write (param i32 i32 i32) (result i32)))
          (import "stoa" "run" (func $run (param i32) (result i32)))
          (memory (export "memory") 4)
          (global $message i32 (i32.const {{Encoding.UTF8.GetByteCount(message)}}))
          (data (i32.const 256) "{{message.Replace("\"", "\\22", StringComparison.Ordinal)}}")
          (func $put (param i32 i32)
            (i32.store (i32.const 0) (local.get 0)) (i32.store (i32.const 4) (local.get 1))
            (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
          (func $readAll (result i32)
            (i32.store (i32.const 0) (i32.const 0x10000)) (i32.store (i32.const 4) (i32.const 100000))
            (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
            (i32.load (i32.const 8)))
          {{functions}}
          (func (export "_start") {{start}}))
        """));
}
