using System.Text;
using System.Text.RegularExpressions;
using Stoa.Wasm.Tests.Spec;
using Stoa.Wasm.Wasi;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Wasm.Tests;

/// <summary>The examples of the engine's README, word for word.</summary>
public sealed partial class ReadmeTests
{
    [Fact]
    public void Examples_OfTheReadme_AreTheOnesBelow()
    {
        string root = SpecTools.Root.ShouldNotBeNull();
        string below = Squeeze(File.ReadAllText(Path.Combine(root, "tests", "Stoa.Wasm.Tests", "ReadmeTests.cs")));
        var examples = Example().Matches(File.ReadAllText(Path.Combine(root, "src", "Stoa.Wasm", "README.md")));
        examples.Count.ShouldBe(5);
        foreach (Match example in examples)
            below.ShouldContain(Squeeze(example.Groups[1].Value));
    }

    [Fact]
    public void Examples_DoWhatTheReadmeSays()
    {
        var engine = new Engine();
        var module = engine.CompileText("""
            (module
              (func (export "add") (param i32 i32) (result i32)
                (i32.add (local.get 0) (local.get 1))))
            """);
        using var instance = module.Instantiate();
        int sum = instance.Invoke("add", 2, 3)[0].ToInt32();
        sum.ShouldBe(5);
    }

    [Fact]
    public void ExampleOfImportsAndSnapshots_DoesWhatTheReadmeSays()
    {
        var said = new List<int>();
        var imports = new Imports()
            .AddFunction("env", "say", (int number) => said.Add(number))
            .AddFunction("env", "read", (Caller caller, int address) => caller.Memory.ReadInt32((uint)address))
            .AddFunction("env", "name", (Caller caller, int address) => caller.Memory.WriteUtf8((uint)address, "Ada"));
        using var instance = new Engine().CompileText("""
            (module
              (import "env" "say" (func $say (param i32)))
              (import "env" "read" (func $read (param i32) (result i32)))
              (import "env" "name" (func $name (param i32) (result i32)))
              (memory 1)
              (func (export "greet") (result i32) (call $name (i32.const 16)))
              (func (export "initialize") (i32.store (i32.const 8) (i32.const 42)))
              (func (export "tell") (call $say (call $read (i32.const 8)))))
            """).Instantiate(imports);

        instance.Invoke("initialize");
        using var snapshot = instance.TakeSnapshot();
        using var ready = snapshot.Instantiate(imports);

        ready.Invoke("tell");
        said.ShouldBe([42]);
        int length = ready.Invoke("greet")[0].ToInt32();
        ready.Memory!.ReadUtf8(16, length).ShouldBe("Ada");
    }

    [Fact]
    public void ExampleOfLimits_DoesWhatTheReadmeSays()
    {
        var engine = new Engine();
        var Console = new Lines();
        var limits = new ExecutionLimits
        {
            Fuel = 1_000_000,
            Timeout = TimeSpan.FromMilliseconds(100),
            MaxMemoryBytes = 16 << 20,
        };
        using var endless = engine.CompileText("""(module (func $spin (export "run") (loop (br 0))))""").Instantiate(limits);
        try
        {
            endless.Invoke("run");
        }
        catch (TrapException trap)
        {
            Console.WriteLine(trap.Code);              // OutOfFuel
            Console.WriteLine(trap.DescribeFrames());  //   0: spin (wasm function 0)
        }

        Console.ToString().ShouldBeOneOf("OutOfFuel\n  0: spin (wasm function 0)\n", "DeadlineExceeded\n  0: spin (wasm function 0)\n");
    }

    [Fact]
    public void ExampleOfAProgram_DoesWhatTheReadmeSays()
    {
        var engine = new Engine();
        var limits = ExecutionLimits.Default;
        // A program that writes the first byte of its input.
        byte[] bytes = Stoa.Wasm.Text.ModuleText.ToBinary("""
            (module
              (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
              (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
              (memory (export "memory") 1)
              (data (i32.const 0) "\10\00\00\00\01\00\00\00")
              (func (export "_start")
                (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 32)))
                (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))))
            """);
        var output = GuestOutput.ToMemory();
        using var world = new WasiContext(new WasiOptions
        {
            Arguments = ["hello", "Ada"],
            Stdin = GuestInput.FromBytes("some input"u8.ToArray()),
            Stdout = output,
        });
        var wasi = new Imports();
        world.DefineIn(wasi);
        using var program = engine.Compile(bytes).Instantiate(wasi, limits);
        int exitCode = world.RunCommand(program);
        exitCode.ShouldBe(0);
        output.ToString().ShouldBe("s");
    }

    private static string Squeeze(string text) => string.Join('\n', text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0));

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Example();

    /// <summary>Stands for the console.</summary>
    private sealed class Lines
    {
        private readonly StringBuilder _text = new();

        public void WriteLine(object line) => _text.Append($"{line}".TrimEnd('\n')).Append('\n');

        public override string ToString() => _text.ToString();
    }
}
