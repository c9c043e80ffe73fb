using System.Text;
using Stoa.Wasm.Text;

namespace Stoa.Node.Tests.Inference.Programs;

/// <summary>A program that is a model and does what the letter behind the first <c>#</c> of its request says.</summary>
public static class ScriptedModel
{
    private const string Whole = """{"id":"x","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Hello there"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}""";
    private const string Counts = """{"id":"x","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"LR"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}""";
    private const string Word = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word \"},\"finish_reason\":null}]}\n\n";
    private const string Finish = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    private const string Usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2,\"total_tokens\":9}}\n\n";
    private const string Done = "data: [DONE]\n\n";
    private const string Half = "data: {\"choices\":[{\"del";
    private const string Fault = """{"error":{"message":"That cannot be answered.","type":"invalid_request_error","param":"messages","code":null}}""";
    private const string Complaint = "It is said so.\n";

    /// <summary>Where a text may lie, above what is read.</summary>
    private const int Texts = 0x40000;

    /// <summary>The program.</summary>
    /// <param name="load">What loading does besides counting itself, as instructions; null for a program that is not loaded.</param>
    /// <param name="more">Other declarations.</param>
    public static byte[] Binary(string? load = "", string more = "")
    {
        var (data, at) = (new StringBuilder(), Texts);
        string Text(string text)
        {
            var begin = at;
            data.Append("  (data (i32.const ").Append(begin).Append(") \"").Append(string.Concat(Encoding.UTF8.GetBytes(text).Select(one => $"\\{one:x2}"))).AppendLine("\")");
            at += text.Length;
            return $"(i32.const {begin}) (i32.const {text.Length})";
        }

        var counts = Text(Counts);
        var countsAt = Texts + Counts.IndexOf("LR", StringComparison.Ordinal);
        string Put(string text, int to = 1) => $"(call $put (i32.const {to}) {Text(text)})";
        string Case(char letter, string code) => $"(if (i32.eq (local.get $letter) (i32.const {(int)letter})) (then {code} (return)))";
        const string forever = "(loop $again (br $again))";
        string[] cases =
        [
            Case('W', Put(Whole)),
            Case('S', Put(Word) + Put(Word) + Put(Finish) + Put(Usage) + Put(Done)),
            Case('L', forever),
            Case('l', Put(Word) + forever),
            Case('T', "unreachable"),
            Case('t', Put(Word) + "unreachable"),
            Case('A', "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable"),
            Case('G', "(loop $again (call $put (i32.const 1) (i32.const 0x50000) (i32.const 0x10000)) (br $again))"),
            Case('H', Put(Half)),
            Case('h', Put(Word) + Put(Half)),
            Case('N', ""),
            Case('E', Put(Fault) + "(call $exit (i32.const 1))"),
            Case('e', "(call $exit (i32.const 1))"),
            Case('f', Put(Word) + Put(Fault) + "(call $exit (i32.const 1))"),
            Case('X', Put(Whole) + "(call $exit (i32.const 3))"),
            Case('C', $"(loop $again {Put(Word)} (br $again))"),
            Case('B', $"(local.set $count (i32.const 4000)) (loop $again {Put(Word)} (br_if $again (local.tee $count (i32.sub (local.get $count) (i32.const 1))))) {Put(Finish)} {Put(Usage)} {Put(Done)}"),
            Case('b', $"(local.set $count (i32.const 4000)) (loop $again {Put(Word)} (br_if $again (local.tee $count (i32.sub (local.get $count) (i32.const 1))))) unreachable"),
            Case('O', $"(local.set $count (i32.const 1000)) (loop $again {Put(Complaint, to: 2)} (br_if $again (local.tee $count (i32.sub (local.get $count) (i32.const 1))))) {Put(Whole)}"),
            Case('M', $"""
                (i32.store8 (i32.const 72) (i32.add (i32.load8_u (i32.const 72)) (i32.const 1)))
                (i32.store8 (i32.const {countsAt}) (i32.add (i32.load8_u (i32.const 64)) (i32.const 48)))
                (i32.store8 (i32.const {countsAt + 1}) (i32.add (i32.load8_u (i32.const 72)) (i32.const 48)))
                (call $put (i32.const 1) {counts})
                """),
        ];
        var loading = load is null
            ? ""
            : $"""
                (func (export "stoa_model_load")
                  (i32.store8 (i32.const 64) (i32.add (i32.load8_u (i32.const 64)) (i32.const 1)))
                  {Put("Loaded.\n", to: 2)}
                  {load})
              """;
        return ModuleText.ToBinary(
            $"""
            (module
              (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
              {more}
              (memory (export "memory") 8)
              {data}
              (func $put (param $to i32) (param $at i32) (param $length i32)
                (i32.store (i32.const 0) (local.get $at))
                (i32.store (i32.const 4) (local.get $length))
                (drop (call $fd_write (local.get $to) (i32.const 0) (i32.const 1) (i32.const 8))))
              (func $letter (result i32) (local $at i32)
                (i32.store (i32.const 0) (i32.const 0x1000))
                (i32.store (i32.const 4) (i32.const 0x30000))
                (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
                (local.set $at (i32.const 0x1000))
                (loop $look
                  (if (i32.eq (i32.load8_u (local.get $at)) (i32.const {(int)'#'})) (then (return (i32.load8_u offset=1 (local.get $at)))))
                  (local.set $at (i32.add (local.get $at) (i32.const 1)))
                  (br_if $look (i32.lt_u (local.get $at) (i32.const 0x31000))))
                (i32.const 0))
              (func (export "_start") (local $letter i32) (local $count i32)
                (local.set $letter (call $letter))
                {string.Join("\n    ", cases)}
                unreachable)
              {loading})
            """);
    }
}
