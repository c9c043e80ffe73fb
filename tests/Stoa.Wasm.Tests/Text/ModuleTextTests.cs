using System.Text;
using Stoa.Wasm.Binary;
using Stoa.Wasm.Text;

namespace Stoa.Wasm.Tests.Text;

/// <summary>What modules written as text mean. The official suite has the rest.</summary>
public sealed class ModuleTextTests
{
    private static readonly Engine s_engine = new();

    [Fact]
    public void Module_AsText_Runs()
    {
        const string Text = """
            (module ;; the module
              (func $add (export "add") (param $a i32) (param $b i32) (result i32)
                (i32.add (local.get $a) (local.get $b))))
            """;
        Run(Text, "add", 2, 3).ShouldBe(5);
    }

    [Fact]
    public void Fields_WithoutModule_AreOne() =>
        Run("(func (export \"f\") (result i32) i32.const 7)", "f").ShouldBe(7);

    [Fact]
    public void Names_OfFunctions_AreTheirIdentifiers()
    {
        var module = s_engine.CompileText("(module (import \"a\" \"b\" (func $in)) (func) (func $out.er/2 (export \"f\")))");
        new[] { 0, 1, 2 }.Select(module.FunctionName).ShouldBe(["in", null, "out.er/2"]);
    }

    [Fact]
    public void Labels_OfInnerBlocks_HideOuterOnes()
    {
        const string Text = """
            (func (export "f") (result i32)
              (block $l (result i32)
                (drop (block $l (result i32) (br $l (i32.const 1))))
                block $l
                  br $l
                end $l
                (br $l (i32.const 2))
                drop
                unreachable))
            """;
        Run(Text, "f").ShouldBe(2);
    }

    [Fact]
    public void Label_OfAnIf_IsNotSeenByItsCondition()
    {
        const string Text = "(func (if $l (br_if $l (i32.const 0) (i32.const 1)) (then (br $l))))";
        Should.Throw<InvalidModuleException>(() => s_engine.CompileText(Text)).Position.ShouldBe(new TextPosition(1, 21));
    }

    [Fact]
    public void FoldedIf_TakesOperandsBeforeItsBranches()
    {
        const string Text = """
            (func (export "f") (param i32) (result i32)
              (if (param i32) (result i32) (i32.const 10) (local.get 0)
                (then (i32.const 1) (i32.add))
                (else (i32.const 2) i32.add)))
            """;
        Run(Text, "f", 1).ShouldBe(11);
        Run(Text, "f", 0).ShouldBe(12);
    }

    [Fact]
    public void Identifiers_MayBeUsedBeforeTheyAreDefined()
    {
        const string Text = """
            (export "f" (func $f))
            (elem (table $t) (i32.const 1) func $one $two)
            (func $f (param $i i32) (result i32) (call_indirect $t (type $number) (local.get $i)))
            (func $one (result i32) global.get $g)
            (func $two (type $number) (local i64 f32 f32) (i32.const 22))
            (table $unused 1 externref)
            (table $t 3 funcref)
            (global $g i32 (i32.const 11))
            (type $number (func (result i32)))
            """;
        Run(Text, "f", 1).ShouldBe(11);
        Run(Text, "f", 2).ShouldBe(22);
    }

    [Fact]
    public void Segments_InTheirPlaces_HaveNumbers()
    {
        const string Text = """
            (table $t funcref (elem $a $b))
            (memory (data "ab\00\u{e4}" "\n\t\\\"\'\41"))
            (data $d "xyz")
            (elem $e funcref (ref.func $b) (item ref.null func))
            (func $a (result i32) (i32.const 1))
            (func $b (result i32) (i32.const 2))
            (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
            (func (export "init") (result i32)
              (memory.init $d (i32.const 0) (i32.const 1) (i32.const 2))
              (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 2))
              (elem.drop $e) (data.drop $d)
              (i32.add (call_indirect (result i32) (i32.const 0)) (i32.shl (ref.is_null (table.get $t (i32.const 1))) (i32.const 4))))
            """;
        using var instance = s_engine.CompileText(Text).Instantiate(new Imports());
        byte[] loaded = [.. Enumerable.Range(0, 11).Select(at => (byte)instance.Invoke("load", at)[0].ToInt32())];
        loaded.ShouldBe([.. "ab\0ä\n\t\\\"'A"u8]);
        instance.Invoke("init")[0].ToInt32().ShouldBe(18);
        instance.Invoke("load", 0)[0].ToInt32().ShouldBe('y');
    }

    [Fact]
    public void Types_WrittenWhereTheyAreUsed_ComeAfterTheDefinedOnes()
    {
        const string Text = "(func (result f64) (f64.const 0)) (func (param i32)) (type (func (param i32))) (func (type 1) (f64.const 1))";
        ModuleText.ToBinary(Text)[..22].ShouldBe([.. "\0asm\u0001\0\0\0"u8, 1, 9, 2, 0x60, 1, 0x7F, 0, 0x60, 0, 1, 0x7C, 3, 4, 3]);
    }

    [Fact]
    public void CommentsAndAnnotations_AreBlank() =>
        Run("(;(;;)(@;)(@a (\")\" ;;) \n) ([ , ])) (func(export \"f\")(result i32)i32.const(;;)1);;", "f").ShouldBe(1);

    [Theory]
    [InlineData("i32.const -2147483648", int.MinValue)]
    [InlineData("i32.const 0xffff_ffff", -1)]
    [InlineData("i32.const +1_000", 1000)]
    [InlineData("(i32.wrap_i64 (i64.const 18446744073709551615))", -1)]
    [InlineData("(i32.reinterpret_f32 (f32.const -nan:0x1))", unchecked((int)0xFF800001))]
    [InlineData("(i32.trunc_sat_f64_s (f64.const inf))", int.MaxValue)]
    [InlineData("(select (result i32) (i32.const 3) (i32.const 4) (i32.const 0))", 4)]
    public void Numbers_AreRead(string code, int expected) =>
        Run($"(func (export \"f\") (result i32) {code})", "f").ShouldBe(expected);

    [Fact]
    public void Mnemonics_AreTheOpcodesWithPunctuation()
    {
        Enum.GetValues<VectorOpcode>().Length.ShouldBe(236 + 20);
        Enum.GetValues<ExtendedOpcode>().Length.ShouldBe(18);
        Find("i64.extend32_s").ShouldBe(new Mnemonic(Opcode.I64Extend32S, 0));
        Find("call_indirect").ShouldBe(new Mnemonic(Opcode.CallIndirect, 0));
        Find("ref.is_null").ShouldBe(new Mnemonic(Opcode.RefIsNull, 0));
        Find("i64.trunc_sat_f64_u").ShouldBe(new Mnemonic(Opcode.PrefixFC, 7));
        Find("v128.andnot").ShouldBe(new Mnemonic(Opcode.PrefixVector, 79));
        Find("i16x8.q15mulr_sat_s").ShouldBe(new Mnemonic(Opcode.PrefixVector, 130));
        Find("i32x4.trunc_sat_f64x2_u_zero").ShouldBe(new Mnemonic(Opcode.PrefixVector, 253));
        Mnemonics.TryFind("select_typed"u8, out _).ShouldBeFalse();
    }

    [Theory]
    [InlineData("(v128.const i8x16 -1 0xff 2 3 4 5 6 7 8 9 10 11 12 13 14 15)", 0x0302FFFF)]
    [InlineData("(v128.const f32x4 0x1p-149 nan inf -0)", 1)]
    [InlineData("(v128.load32_lane offset=1 align=2 1 (i32.const 0) (v128.const i64x2 7 8))", 7)]
    [InlineData("(i8x16.shuffle 16 17 18 19 4 5 6 7 8 9 10 11 12 13 14 15 (v128.const i32x4 1 2 3 4) (v128.const i32x4 5 6 7 8))", 5)]
    public void Vectors_AreRead(string code, int firstLane) =>
        Run($"(memory 1) (func (export \"f\") (result i32) (i32x4.extract_lane 0 {code}))", "f").ShouldBe(firstLane);

    private static Mnemonic Find(string name)
    {
        Mnemonics.TryFind(Encoding.ASCII.GetBytes(name), out var mnemonic).ShouldBeTrue(name);
        return mnemonic;
    }

    private static int Run(string text, string name, params Value[] arguments)
    {
        using var instance = s_engine.CompileText(text).Instantiate(new Imports());
        return instance.Invoke(name, arguments)[0].ToInt32();
    }
}
