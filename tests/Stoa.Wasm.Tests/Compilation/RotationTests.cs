namespace Stoa.Wasm.Tests.Compilation;

/// <summary>Rotations whose result is compared with zero, which the JIT gets wrong when it sees both side by side.</summary>
public sealed class RotationTests
{
    [Theory]
    [InlineData("(if (result i32) (i32.rotr (local.get 0) (i32.const 13)) (then (i32.const 1)) (else (i32.const 0)))")]
    [InlineData("(i32.eqz (i32.eqz (i32.rotl (local.get 0) (i32.const 5))))")]
    [InlineData("(i32.ne (i32.rotl (local.get 0) (i32.const 5)) (i32.const 0))")]
    [InlineData("(i32.ne (i32.const 0) (i32.rotl (local.get 0) (i32.const 5)))")]
    [InlineData("(i32.gt_u (i32.rotl (local.get 0) (i32.const 5)) (i32.const 0))")]
    [InlineData("(i32.ge_u (i32.rotl (local.get 0) (i32.const 5)) (i32.const 1))")]
    [InlineData("(i64.ne (i64.rotr (i64.extend_i32_u (local.get 0)) (i64.const 7)) (i64.const 0))")]
    [InlineData("(i32.ne (i32.wrap_i64 (i64.rotr (i64.extend_i32_u (local.get 0)) (i64.const 32))) (i32.wrap_i64 (i64.extend_i32_u (i32.const 0)))) (i32.or (local.get 0)) (i32.const 0) (i32.ne)")]
    [InlineData("(select (i32.const 1) (i32.const 0) (i32.rotr (local.get 0) (i32.const 13)))")]
    [InlineData("(local.set 1 (i32.rotr (local.get 0) (i32.const 13))) (if (result i32) (local.get 1) (then (i32.const 1)) (else (i32.const 0)))")]
    [InlineData("(if (result i32) (local.tee 1 (i32.rotr (local.get 0) (i32.const 13))) (then (i32.const 1)) (else (i32.const 0)))")]
    [InlineData("(if (result i32) (block (result i32) (i32.rotr (local.get 0) (i32.const 13))) (then (i32.const 1)) (else (i32.const 0)))")]
    [InlineData("(block (result i32) (drop (br_if 0 (i32.const 1) (i32.rotr (local.get 0) (i32.const 13)))) (i32.const 0))")]
    [InlineData("(block (block (br_table 0 1 (i32.rotr (local.get 0) (i32.const 13)))) (return (i32.const 0))) (i32.const 1)")]
    public void Rotation_ComparedWithZero_IsCompared(string code)
    {
        string text = $"""(module (func (export "run") (param i32) (result i32) (local i32) {code}))""";
        using var instance = new Engine().CompileText(text).Instantiate(new Imports());
        foreach (int value in (int[])[0, 1, int.MinValue, -1, 0x2000, 1 << 27])
            instance.Invoke("run", value)[0].ToInt32().ShouldBe(value == 0 ? 0 : 1, $"of {value}");
    }

    [Theory]
    [InlineData("(i32.rem_s (i32.rotl (i32.const -1) (i32.const 10)) (i32.or (local.get 0) (i32.const 1)))", 0)]
    [InlineData("(i32.div_s (i32.rotr (i32.const -1) (i32.const 10)) (i32.or (local.get 0) (i32.const 1)))", -1)]
    [InlineData("(i32.shr_s (i32.rotl (i32.const -1) (i32.const 3)) (i32.or (local.get 0) (i32.const 1)))", -1)]
    [InlineData("(i32.wrap_i64 (i64.shr_s (i64.extend_i32_s (i32.rotl (i32.const -1) (i32.const 3))) (i64.const 32)))", -1)]
    [InlineData("(i32.lt_s (i32.rotl (i32.wrap_i64 (i64.const -1)) (i32.const 3)) (local.get 0))", 1)]
    public void RotationOfAConstant_HasItsSign(string code, int expected)
    {
        string text = $"""(module (func (export "run") (param i32) (result i32) {code}))""";
        using var instance = new Engine().CompileText(text).Instantiate(new Imports());
        instance.Invoke("run", 0)[0].ToInt32().ShouldBe(expected);
    }

    /// <summary>The comparison of a rotation by its sign.</summary>
    [Fact]
    public void Rotation_ComparedByItsSign_IsCompared()
    {
        const string Text = """(module (func (export "run") (param i32) (result i32) (i32.lt_s (i32.rotl (local.get 0) (i32.const 1)) (i32.const 0))))""";
        using var instance = new Engine().CompileText(Text).Instantiate(new Imports());
        foreach (int value in (int[])[0, 1, int.MinValue, -1, 1 << 30, (1 << 30) - 1])
            instance.Invoke("run", value)[0].ToInt32().ShouldBe((value & (1 << 30)) != 0 ? 1 : 0, $"of {value}");
    }
}
