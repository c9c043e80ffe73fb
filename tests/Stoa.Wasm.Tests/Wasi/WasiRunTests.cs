using Stoa.Wasm.Binary;
using Stoa.Wasm.Wasi;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Wasm.Tests.Wasi;

public sealed class WasiRunTests
{
    private const ValueKind I32 = ValueKind.I32;
    private const ValueKind I64 = ValueKind.I64;

    private static readonly Engine s_engine = new();

    [Fact]
    public void Execute_NoModule_IsRefused() => Refused("garbage"u8.ToArray()).ShouldContain("not a WebAssembly module");

    [Fact]
    public void Execute_WithoutStart_IsRefused() => Refused(ModuleBuilder.Empty).ShouldContain("'_start'");

    [Fact]
    public void Execute_StartThatTakesSomething_IsRefused() =>
        Refused(new ModuleBuilder().Function("_start", [I32], [], []).Build()).ShouldContain("(i32) -> ()");

    [Fact]
    public void Execute_UnknownImport_IsRefused() =>
        Refused(new ModuleBuilder().Import("env", "mystery", [], []).Function("_start", [], [], []).Build()).ShouldContain("linked");

    [Fact]
    public void Execute_WorldThatCannotBe_IsRefused() =>
        Execute(new() { Module = Command(), World = new() { Arguments = ["\0"] } }).Outcome.ShouldBeOfType<WasiRunOutcome.Refused>();

    [Fact]
    public void Execute_StartThatReturns_ExitsWithZero() =>
        Execute(new() { Module = Command() }).Outcome.ShouldBe(new WasiRunOutcome.Exited(0));

    [Fact]
    public void Execute_Exit_GivesItsCode() =>
        Execute(new() { Module = Exiting("_start") }).Outcome.ShouldBe(new WasiRunOutcome.Exited(9));

    [Fact]
    public void Execute_Trap_IsNamed()
    {
        var trapping = Command(ModuleBuilder.Op(Opcode.Unreachable));
        Execute(new() { Module = trapping }).Outcome.ShouldBeOfType<WasiRunOutcome.Trapped>().Trap.Code.ShouldBe(TrapCode.Unreachable);
        Execute(new() { Module = Command(), Limits = new() { Fuel = 0 } }).FuelConsumed.ShouldBe(0);
    }

    [Fact]
    public void Execute_TrapInTheModulesOwnStart_IsNamed()
    {
        var module = new ModuleBuilder().Function("_start", [], [], [], ModuleBuilder.Op(Opcode.Unreachable)).Start(0).Build();
        Execute(new() { Module = module }).Outcome.ShouldBeOfType<WasiRunOutcome.Trapped>();
    }

    [Fact]
    public void Execute_Endless_EndsByItsFuel()
    {
        var endless = Command(ModuleBuilder.Plain(Opcode.Loop, ModuleBuilder.Ins(Opcode.Br, 0)));
        var report = Execute(new() { Module = endless, Limits = new() { Fuel = 1_000 } });
        report.Outcome.ShouldBeOfType<WasiRunOutcome.Trapped>().Trap.Code.ShouldBe(TrapCode.OutOfFuel);
    }

    [Theory]
    [InlineData("i32", "-1", -1L)]
    [InlineData("i32", "4294967295", -1L)]
    [InlineData("i32", "0xffffffff", -1L)]
    [InlineData("i64", "18446744073709551615", -1L)]
    [InlineData("i64", "-9223372036854775808", long.MinValue)]
    [InlineData("i64", "0x10", 16L)]
    public void Execute_Invoke_UnderstandsItsArguments(string kind, string text, long expected)
    {
        var type = kind == "i32" ? I32 : I64;
        var module = new ModuleBuilder().Function("same", [type], [type], [], ModuleBuilder.Ins(Opcode.LocalGet, 0)).Build();
        var returned = Execute(new() { Module = module, Invoke = "same", InvokeArguments = [text] })
            .Outcome.ShouldBeOfType<WasiRunOutcome.Returned>();
        (type == I32 ? returned.Results[0].ToInt32() : returned.Results[0].ToInt64()).ShouldBe(expected);
    }

    [Theory]
    [InlineData("4294967296")]
    [InlineData("-2147483649")]
    [InlineData("1.5")]
    [InlineData("")]
    [InlineData("0x")]
    [InlineData("0x100000000")]
    public void Execute_InvokeWithTextThatIsNoNumber_IsRefused(string text)
    {
        var module = new ModuleBuilder().Function("same", [I32], [I32], [], ModuleBuilder.Ins(Opcode.LocalGet, 0)).Build();
        Execute(new() { Module = module, Invoke = "same", InvokeArguments = [text] })
            .Outcome.ShouldBeOfType<WasiRunOutcome.Refused>().Reason.ShouldContain("i32");
    }

    [Fact]
    public void Execute_InvokeWithTheWrongNumberOfArguments_IsRefused()
    {
        var module = new ModuleBuilder().Function("f", [I32], [], []).Build();
        Execute(new() { Module = module, Invoke = "f" }).Outcome.ShouldBeOfType<WasiRunOutcome.Refused>();
        Execute(new() { Module = module, Invoke = "g" }).Outcome.ShouldBeOfType<WasiRunOutcome.Refused>();
    }

    [Fact]
    public void Execute_Invoke_SetsTheModuleUpFirst()
    {
        byte[] zero = ModuleBuilder.ConstI32(0);
        var module = new ModuleBuilder()
            .Memory(1)
            .Function("_initialize", [], [], [], zero, ModuleBuilder.ConstI32(42), ModuleBuilder.Access(Opcode.I32Store))
            .Function("get", [], [I32], [], zero, ModuleBuilder.Access(Opcode.I32Load))
            .Build();
        var report = Execute(new() { Module = module, Invoke = "get" });
        report.Outcome.ShouldBeOfType<WasiRunOutcome.Returned>().Results[0].ToInt32().ShouldBe(42);
        report.MemoryBytes.ShouldBe(Memory.PageBytes);
    }

    [Fact]
    public void RunCommand_WithoutStart_SaysSo()
    {
        using var context = new WasiContext(new() { Stdout = GuestOutput.Discard() });
        using var instance = s_engine.Compile(ModuleBuilder.Empty).Instantiate(new Imports());
        Should.Throw<MissingExportException>(() => context.RunCommand(instance)).Name.ShouldBe("_start");
    }

    [Theory]
    [InlineData("", null, null)]
    [InlineData("::/x", null, null)]
    [InlineData("/x::", null, null)]
    [InlineData("/x:", null, null)]
    [InlineData(":/x", null, null)]
    [InlineData("/x::/data", "/x", "/data")]
    [InlineData("fs-tests.dir::/", "fs-tests.dir", "/")]
    [InlineData("/x:/data", "/x", "/data")]
    [InlineData("x:.", "x:.", "x:.")]
    [InlineData("data:.", "data", ".")]
    [InlineData("/x", "/x", "/x")]
    [InlineData(".", ".", ".")]
    [InlineData("/a:b", "/a:b", "/a:b")]
    [InlineData(@"C:\data", @"C:\data", @"C:\data")]
    [InlineData("C:/data", "C:/data", "C:/data")]
    [InlineData("C:/data:/files", "C:/data", "/files")]
    [InlineData("/a:b::/c:d", "/a:b", "/c:d")]
    public void Preopen_Text_IsHostAndGuest(string text, string? host, string? guest) =>
        Preopen.Split(text).ShouldBe(host is null ? null : (host, guest!));

    private static byte[] Command(params byte[][] code) => new ModuleBuilder().Function("_start", [], [], [], code).Build();

    private static byte[] Exiting(string name) => new ModuleBuilder()
        .Import(WasiContext.ModuleName, "proc_exit", [I32], [])
        .Function(name, [], [], [], ModuleBuilder.ConstI32(9), ModuleBuilder.Ins(Opcode.Call, 0))
        .Build();

    private static string Refused(byte[] module) =>
        Execute(new() { Module = module }).Outcome.ShouldBeOfType<WasiRunOutcome.Refused>().Reason;

    private static WasiRunReport Execute(WasiRunRequest request) => WasiRun.Execute(s_engine, request);
}
