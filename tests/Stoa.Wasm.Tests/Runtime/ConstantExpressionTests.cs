namespace Stoa.Wasm.Tests.Runtime;

public sealed class ConstantExpressionTests
{
    private static readonly Engine s_engine = new();

    [Theory]
    [InlineData("i32", "(i32.add (i32.const 20) (i32.const 22))", 42)]
    [InlineData("i32", "(i32.sub (i32.const 20) (i32.const 22))", -2)]
    [InlineData("i32", "(i32.mul (i32.const 0x10001) (i32.const 0x10001))", 0x20001)]
    [InlineData("i32", "(i32.add (i32.const 0x7fffffff) (i32.const 1))", int.MinValue)]
    [InlineData("i32", "i32.const 2 i32.const 3 i32.const 4 i32.mul i32.sub", -10)]
    [InlineData("i64", "(i64.mul (i64.sub (i64.const 1) (i64.const 3)) (i64.add (i64.const 0x100000000) (i64.const 1)))", -0x200000002)]
    [InlineData("i64", "(i64.add (i64.const 0x7fffffffffffffff) (i64.const 1))", long.MinValue)]
    [InlineData("i32", "(i32.add (global.get $in) (i32.mul (global.get $in) (i32.const -2)))", -7)]
    [InlineData("i32", "(global.get $own)", 8)]
    [InlineData("i32", "(i32.sub (global.get $exported) (global.get $own))", 800 - 8)]
    [InlineData("i64", "(i64.add (global.get $long) (i64.const -1))", -6)]
    public void Global_OfArithmetic_HasItsValue(string type, string expression, long expected)
    {
        string text = $"""
            (module
              (global $in (import "env" "in") i32)
              (global $own i32 (i32.add (global.get $in) (i32.const 1)))
              (global $exported (export "exported") i32 (i32.mul (global.get $own) (i32.const 100)))
              (global $long i64 (i64.const -5))
              (global $it {type} {expression})
              (func (export "run") (result {type}) (global.get $it)))
            """;
        var imports = new Imports().Add("env", "in", new Global(isMutable: false, 7));
        using var instance = s_engine.CompileText(text).Instantiate(imports);
        var value = instance.Invoke("run")[0];
        (type == "i32" ? value.ToInt32() : value.ToInt64()).ShouldBe(expected);
    }

    [Fact]
    public void Segments_AtComputedOffsets_LieThere()
    {
        const string Text = """
            (module
              (global $base i32 (i32.const 100))
              (global $f funcref (ref.func $seven))
              (memory 1)
              (table 10 funcref)
              (data (offset (i32.add (global.get $base) (i32.const 20))) "\2a")
              (elem (i32.sub (global.get $base) (i32.const 97)) funcref (global.get $f))
              (func $seven (result i32) i32.const 7)
              (func (export "load") (result i32) (i32.load8_u (i32.const 120)))
              (func (export "call") (result i32) (call_indirect (result i32) (i32.const 3))))
            """;
        using var instance = s_engine.CompileText(Text).Instantiate(new Imports());
        instance.Invoke("load")[0].ToInt32().ShouldBe(42);
        instance.Invoke("call")[0].ToInt32().ShouldBe(7);
    }

    [Theory]
    [InlineData("(global i32 (i32.add (i32.const 1) (i64.const 1)))", "type mismatch")]
    [InlineData("(global i64 (i32.add (i32.const 1) (i32.const 1)))", "type mismatch")]
    [InlineData("(global i32 (i32.add (i32.const 1)))", "type mismatch")]
    [InlineData("(global i32 i32.add i32.const 1 i32.const 1)", "type mismatch")]
    [InlineData("(global i32 (i32.const 1) (i32.const 1))", "type mismatch")]
    [InlineData("(global i32)", "type mismatch")]
    [InlineData("(global i32 (i32.div_s (i32.const 1) (i32.const 1)))", "constant expression required")]
    [InlineData("(global f32 (f32.add (f32.const 1) (f32.const 1)))", "constant expression required")]
    [InlineData("(global $m (mut i32) (i32.const 1)) (global i32 (i32.add (global.get $m) (i32.const 1)))", "constant expression required")]
    [InlineData("(global i32 (global.get 0))", "unknown global")]
    [InlineData("(global i32 (global.get 1)) (global i32 (i32.const 1))", "unknown global")]
    public void Expression_ThatIsNotConstant_IsRefused(string fields, string reason) =>
        Refusal(s_engine, fields).ShouldBe(reason);

    [Theory]
    [InlineData("(global i32 (i32.add (i32.const 1) (i32.const 1)))", "constant expression required")]
    [InlineData("(global i32 (i32.const 1)) (global i32 (global.get 0))", "unknown global")]
    public void Expression_WithoutTheFeature_IsRefusedAsIn2_0(string fields, string reason) =>
        Refusal(new Engine(new EngineOptions { Features = WasmFeatures.None }), fields).ShouldBe(reason);

    [Fact]
    public void Expression_WithMoreOperandsThanTheLimit_IsRefused()
    {
        var engine = new Engine(new EngineOptions { MaxOperands = 10 });
        string Sum(int terms) => string.Concat(Enumerable.Repeat("i32.const 1 ", terms)) + string.Concat(Enumerable.Repeat("i32.add ", terms - 1));
        engine.CompileText($"(global i32 {Sum(10)})").ShouldNotBeNull();
        Refusal(engine, $"(global i32 {Sum(11)})").ShouldBe("more than 10 operands on the stack");
    }

    private static string Refusal(Engine engine, string fields) =>
        Should.Throw<InvalidModuleException>(() => engine.CompileText($"(module {fields})")).Reason;
}
