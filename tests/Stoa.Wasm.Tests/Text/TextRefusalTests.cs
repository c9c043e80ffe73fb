using System.Text;
using Stoa.Wasm.Text;

namespace Stoa.Wasm.Tests.Text;

/// <summary>What is no module as text, and how that is said.</summary>
public sealed class TextRefusalTests
{
    private static readonly Engine s_engine = new();

    [Theory]
    [InlineData("(module\n  (func\n    i32.konst 1))", 3, 5, "unknown operator i32.konst")]
    [InlineData("(module\n  (func (result i32)\n    (i32.const 1) i32.const 0x1_0000_0000))", 3, 29, "constant out of range")]
    [InlineData("(func $é)", 1, 8, "unexpected character")]
    [InlineData("(; ä\u20AC\U0001F600 ;) (func (call $f))", 1, 23, "unknown function $f")]
    [InlineData("(data \"ä\\q\")", 1, 9, "illegal escape")]
    [InlineData("(data \"\\u{d800}\")", 1, 8, "illegal escape")]
    [InlineData("(data \"\\u{110000}\")", 1, 8, "illegal escape")]
    [InlineData("(data \"a\nb\")", 1, 7, "unclosed string")]
    [InlineData("(data \"a", 1, 7, "unclosed string")]
    [InlineData("(data \"\u0001\")", 1, 8, "illegal control character in string")]
    [InlineData("\n(; (; ;)", 2, 1, "unclosed comment")]
    [InlineData("\n(@a (b)", 2, 1, "unclosed annotation")]
    [InlineData("(func (export \"\\ff\"))", 1, 15, "malformed UTF-8 encoding")]
    [InlineData("(func (param $a i32) (local $a i32))", 1, 29, "duplicate local $a")]
    [InlineData("(func block $a end $b)", 1, 20, "mismatching label $b")]
    [InlineData("(func (block $a) (br $a))", 1, 22, "unknown label $a")]
    [InlineData("(memory 1) (func (drop (i32.load align=3 (i32.const 0))))", 1, 34, "alignment must be a power of two")]
    [InlineData("(memory 1) (func (drop (i32.load align=1 offset=0 (i32.const 0))))", 1, 42, "unexpected token offset=0")]
    [InlineData("(func)\n(import \"\" \"\" (func))", 2, 2, "import after function")]
    [InlineData("(func i32.const 1 (drop", 1, 24, "unexpected end of text")]
    [InlineData("(func block)", 1, 12, "unexpected token )")]
    [InlineData("(func (if (i32.const 1)))", 1, 24, "unexpected token )")]
    [InlineData("(func (then))", 1, 8, "unexpected token then")]
    [InlineData("(func end)", 1, 7, "unexpected token end")]
    [InlineData("(func (i32.eqz i32.const 1))", 1, 16, "unexpected token i32.const")]
    [InlineData("(module) (module)", 1, 10, "unexpected token (")]
    [InlineData("(func) )", 1, 8, "unexpected token )")]
    [InlineData("(func 1__0)", 1, 7, "unknown operator 1__0")]
    public void Text_ThatIsNoModule_IsRefusedAtItsPlace(string text, int line, int column, string reason)
    {
        var refusal = Should.Throw<InvalidModuleException>(() => s_engine.CompileText(text));

        refusal.Kind.ShouldBe(InvalidModuleKind.Malformed);
        refusal.Reason.ShouldBe(reason);
        refusal.Position.ShouldBe(new TextPosition(line, column));
        refusal.Message.ShouldBe($"{reason} (at line {line}, column {column})");
    }

    [Theory]
    [InlineData("(module\n  (func (result i32)\n    (i64.add\n      (i64.const 1)\n      (i32.const 2))))", 3, 6, "type mismatch")]
    [InlineData("(module\n  (func\n    nop\n    local.get 3))", 4, 5, "unknown local")]
    [InlineData("(module\n  (func (result i32)\n    nop\n  )\n)", 4, 3, "type mismatch")]
    [InlineData("(module\n  (func)\n  (func (i32.const 1)\n    block drop end\n  drop))", 4, 11, "type mismatch")]
    [InlineData("(module\n  (func $f (param i32))\n  (start $f))", 3, 10, "start function")]
    [InlineData("(module\n  (func (export \"a\"))\n  (export \"a\" (func 0)))", 3, 3, "duplicate export name")]
    [InlineData("(module\n  (global i32 (i32.const 0))\n  (global i32 (nop)))", 3, 16, "constant expression required")]
    public void Module_ThatIsInvalid_IsRefusedAtItsPlace(string text, int line, int column, string reason)
    {
        var refusal = Should.Throw<InvalidModuleException>(() => s_engine.CompileText(text));

        refusal.Kind.ShouldBe(InvalidModuleKind.Invalid);
        refusal.Reason.ShouldBe(reason);
        refusal.Position.ShouldBe(new TextPosition(line, column));
    }

    [Theory]
    [InlineData("(func ", "(")]
    [InlineData("(module (func ", "(i32.eqz ")]
    [InlineData("(func ", "(block ")]
    [InlineData("(func ", "block ")]
    [InlineData("(func ", "(if (i32.const 0) (then ")]
    [InlineData("(global i32 ", "(i32.eqz ")]
    [InlineData("(elem (offset ", "block ")]
    public void Text_NestedTooDeeply_IsRefused(string start, string repeated)
    {
        string text = start + string.Concat(Enumerable.Repeat(repeated, 200_000));
        Should.Throw<InvalidModuleException>(() => s_engine.CompileText(text));
        Should.Throw<InvalidModuleException>(() => s_engine.CompileText(text + "))")).Kind.ShouldBe(InvalidModuleKind.LimitExceeded);
    }

    [Fact]
    public void Blocks_UpToTheLimit_AreAccepted()
    {
        var engine = new Engine(new EngineOptions { MaxNestingDepth = 100 });
        string Nested(int depth) => $"(func {string.Concat(Enumerable.Repeat("block ", depth))}{string.Concat(Enumerable.Repeat("end ", depth))})";

        engine.CompileText(Nested(99));
        Should.Throw<InvalidModuleException>(() => engine.CompileText(Nested(101))).Kind.ShouldBe(InvalidModuleKind.LimitExceeded);
        Should.Throw<InvalidModuleException>(() => engine.CompileText($"(func {new string('(', 101)}")).Kind
            .ShouldBe(InvalidModuleKind.LimitExceeded);
    }

    [Theory]
    [InlineData("(type (func))")]
    [InlineData("(import \"\" \"\" (func))")]
    [InlineData("(import \"\" \"\" (memory 1))")]
    [InlineData("(func (import \"\" \"\"))")]
    [InlineData("(func (local i32))")]
    [InlineData("(table 0 funcref)")]
    [InlineData("(table funcref (elem))")]
    [InlineData("(memory 0)")]
    [InlineData("(memory (data))")]
    [InlineData("(global (import \"\" \"\") i32)")]
    [InlineData("(func $f) (export \"a\" (func $f))")]
    [InlineData("(func $f) (start $f)")]
    [InlineData("(elem func)")]
    [InlineData("(elem declare funcref)")]
    [InlineData("(data)")]
    [InlineData("(module)")]
    public void Fields_WithMoreInThem_AreRefused(string fields)
    {
        s_engine.CompileText(fields);
        foreach (string more in new[] { " then)", " (then))", " 1x)", " $)" })
            Should.Throw<InvalidModuleException>(() => s_engine.CompileText(fields[..^1] + more));
    }

    [Theory]
    [InlineData("(func)", "more than 20 functions")]
    [InlineData("(type (func))", "more than 20 types")]
    [InlineData("(global i32 (i32.const 0))", "more than 20 globals")]
    [InlineData("(table 0 funcref)", "more than 20 tables")]
    [InlineData("(table funcref (elem))", "more than 20 tables")]
    [InlineData("(elem func)", "more than 20 elem segments")]
    [InlineData("(data)", "more than 20 data segments")]
    public void Counts_OverTheLimit_AreRefusedWhereTheyExceedIt(string field, string reason)
    {
        var engine = new Engine(new EngineOptions { MaxFunctions = 20, MaxDeclarations = 20, MaxGlobals = 20, MaxTables = 20, MaxSegments = 20 });

        engine.CompileText(string.Concat(Enumerable.Repeat(field, 20)));
        var refusal = Should.Throw<InvalidModuleException>(() => engine.CompileText(string.Concat(Enumerable.Repeat(field + "\n", 21))));
        refusal.Kind.ShouldBe(InvalidModuleKind.LimitExceeded);
        refusal.Reason.ShouldBe(reason);
        refusal.Position!.Value.Line.ShouldBe(21);
    }

    [Fact]
    public void Body_LongerThanTheLimit_IsRefusedWhereItExceedsIt()
    {
        var engine = new Engine(new EngineOptions { MaxFunctionBytes = 50, MaxLocals = 5 });

        string body = "(func " + string.Concat(Enumerable.Repeat("nop\n", 48));
        engine.CompileText(body + ")");
        var refusal = Should.Throw<InvalidModuleException>(() => engine.CompileText(body + "nop nop\n nop nop )"));
        refusal.Kind.ShouldBe(InvalidModuleKind.LimitExceeded);
        refusal.Position!.Value.Line.ShouldBe(50);
        Should.Throw<InvalidModuleException>(() => engine.CompileText("(func (param i32 i32 i32) (local i32 i32) (local $l i32))")).Kind
            .ShouldBe(InvalidModuleKind.LimitExceeded);
    }

    [Fact]
    public void Comments_NestedDeeply_CostNoStack() =>
        s_engine.CompileText(string.Concat(Enumerable.Repeat("(;", 500_000)) + string.Concat(Enumerable.Repeat(";)", 500_000))).Exports.ShouldBeEmpty();

    [Fact]
    public void Text_LongerThanAModuleMayBe_IsRefused()
    {
        var engine = new Engine(new EngineOptions { MaxModuleBytes = 100 });

        engine.CompileText("(module)" + new string(' ', 92));
        foreach (string text in new[] { "(module)" + new string(' ', 93), new string('ä', 60) })
            Should.Throw<InvalidModuleException>(() => engine.CompileText(text)).Kind.ShouldBe(InvalidModuleKind.LimitExceeded);
    }

    [Fact]
    public void Bytes_ThatAreNotUtf8_AreRefused()
    {
        byte[] text = [.. "(;\n;) (; "u8, 0xC0, 0x80, .. ";)"u8];
        var refusal = Should.Throw<InvalidModuleException>(() => ModuleText.ToBinary(text));

        refusal.Reason.ShouldBe("malformed UTF-8 encoding");
        refusal.Position.ShouldBe(new TextPosition(2, 7));
    }

    [Fact]
    public void Text_ChangedAtRandom_IsAcceptedOrRefused()
    {
        const int Rounds = 5_000;
        byte[] original = Encoding.UTF8.GetBytes(Everything);
        s_engine.CompileText(original);
        byte[] pieces = [.. "()\"\\;$ 0x.-pe_u{}ainm\n"u8, 0, 0x7F, 0xC3, 0xFF];
        var engine = new Engine(new EngineOptions { CachedModules = 0 });
        var random = new Random(20_26);
        int accepted = 0;
        for (int round = 0; round < Rounds; round++)
        {
            var text = original.ToList();
            for (int changes = random.Next(1, 4); changes > 0; changes--)
                Change(text, pieces, random);
            try
            {
                engine.CompileText(text.ToArray());
                accepted++;
            }
            catch (InvalidModuleException refusal)
            {
                refusal.Position.ShouldNotBeNull();
            }
        }

        accepted.ShouldBeInRange(1, Rounds - 1);
    }

    private const string Everything = """
        (module $all (; a (; nested ;) comment ;) (@note "x" (y))
          (type $t (func (param $x i32) (param i64 f32) (result f64)))
          (import "env" "f" (func $imported (type $t)))
          (import "env" "m" (memory $m 1 2))
          (table $table 3 8 funcref)
          (table $inline funcref (elem $f $g))
          (global $g (export "g") (mut i64) (i64.const -0x1_0))
          (elem $passive funcref (ref.func $f) (item ref.null func))
          (elem (table $table) (offset (i32.const 0)) func $f $g)
          (elem declare func $h)
          (data $d (i32.const 0) "a\n\41\u{1F600}\"")
          (func $f (export "a") (export "b") (param $p i32) (result i32) (local $l i32) (local i64 i64)
            (block $b (result i32)
              (if (result i32) (local.get $p)
                (then (br $b (i32.const 1)))
                (else (i32.load16_u offset=4 align=2 (local.tee $l (i32.const 0x10)))))))
          (func $g (type 0) loop $top (br_table $top $top (i32.const 0)) end $top f64.const 0x1.8p-3)
          (func $h (drop (select (result i32) (i32.const 1) (i32.const 2) (i32.const 3)))
            (drop (f32.add (f32.const nan:0x200000) (f32.const 1.5e-3)))
            (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0))
            (table.copy $table $inline (i32.const 0) (i32.const 0) (i32.const 0))
            (drop (call_indirect $table (param i32) (result i32) (i32.const 0) (i32.const 0))))
          (start $h))
        """;

    private static void Change(List<byte> text, byte[] pieces, Random random)
    {
        int at = random.Next(text.Count);
        int length = Math.Min(random.Next(1, 30), text.Count - at);
        switch (random.Next(4))
        {
            case 0:
                text[at] = pieces[random.Next(pieces.Length)];
                break;
            case 1:
                text.Insert(at, pieces[random.Next(pieces.Length)]);
                break;
            case 2:
                text.RemoveRange(at, length);
                break;
            default:
                text.InsertRange(random.Next(text.Count), text.GetRange(at, length));
                break;
        }
    }
}
