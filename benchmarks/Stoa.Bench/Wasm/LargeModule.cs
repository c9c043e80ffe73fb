using Stoa.Wasm;
using Stoa.Wasm.Binary;
using Stoa.Wasm.Tests;
using static Stoa.Wasm.Tests.ModuleBuilder;

namespace Stoa.Bench.Wasm;

/// <summary>Makes a valid module of any size: functions as long and as mixed as a compiler of C makes them. The same seed, the same bytes.</summary>
internal sealed class LargeModule
{
    private const int FunctionBytes = 500;

    // What comes out on average, with the function's header.
    private const int MeanFunctionBytes = 571;
    private const int Parameters = 3;

    // Beyond the three parameters: four more of i32, two of f64.
    private const int Integers = 7;
    private static readonly ValueKind[] s_parameters = [ValueKind.I32, ValueKind.I32, ValueKind.I32];
    private static readonly ValueKind[] s_results = [ValueKind.I32];
    private static readonly ValueKind[] s_locals =
        [ValueKind.I32, ValueKind.I32, ValueKind.I32, ValueKind.I32, ValueKind.F64, ValueKind.F64];

    private static readonly Opcode[] s_binary =
    [
        Opcode.I32Add, Opcode.I32Add, Opcode.I32Add, Opcode.I32Sub, Opcode.I32Mul, Opcode.I32And, Opcode.I32Or, Opcode.I32Xor,
        Opcode.I32Shl, Opcode.I32ShrU, Opcode.I32ShrS, Opcode.I32Eq, Opcode.I32Ne, Opcode.I32LtS, Opcode.I32LtU, Opcode.I32GeS,
    ];

    private readonly int _functions;
    private readonly List<byte> _code = [];
    private uint _random;

    private LargeModule(int functions, uint seed)
    {
        _functions = functions;
        _random = seed;
    }

    /// <summary>Makes a module.</summary>
    /// <param name="bytes">Its size, within a few percent.</param>
    /// <param name="seed">Not 0.</param>
    /// <returns>Bytes of a module that exports <c>first() -> i32</c>, which gives 42.</returns>
    public static byte[] Create(int bytes, uint seed)
    {
        var builder = new ModuleBuilder().Memory(16).Function("first", [], s_results, [], ConstI32(42));
        int functions = bytes / MeanFunctionBytes;
        var module = new LargeModule(functions, seed);
        for (var i = 1; i < functions; i++)
        {
            // Some functions are short and few are long, as in programs.
            int length = module.Choose(10) switch { < 4 => FunctionBytes / 4, < 9 => FunctionBytes, _ => FunctionBytes * 4 };
            builder.Function(null, s_parameters, s_results, s_locals, module.Body(length));
        }

        return builder.Build();
    }

    /// <summary>Makes a module of one function, <c>run(i32, i32, i32) -> i32</c>, of so many bytes or little more.</summary>
    public static byte[] CreateOneFunction(int bytes, uint seed) => new ModuleBuilder()
        .Memory(16)
        .Function(null, s_parameters, s_results, [], ConstI32(42))
        .Function("run", s_parameters, s_results, s_locals, new LargeModule(2, seed).Body(bytes))
        .Build();

    private byte[] Body(int length)
    {
        _code.Clear();
        while (_code.Count < length)
            Statement(depth: 0);
        Expression(2);
        return [.. _code];
    }

    private void Statement(int depth)
    {
        switch (Choose(depth < 4 ? 12 : 8))
        {
            case 0 or 1 or 2:
                Expression(3);
                Put(Ins(Opcode.LocalSet, AnyInteger()));
                break;
            case 3 or 4:
                Expression(1);
                Expression(2);
                Put(Access(Opcode.I32Store, (uint)Choose(256) * 4));
                break;
            case 5:
                for (var i = 0; i < Parameters; i++)
                    Expression(1);
                Put(Ins(Opcode.Call, (uint)(1 + Choose(_functions - 1))));
                Put(Ins(Opcode.LocalSet, AnyInteger()));
                break;
            case 6:
                uint real = (uint)(Integers + Choose(2));
                Put(Ins(Opcode.LocalGet, real));
                Expression(1);
                Put(Op(Opcode.F64ConvertI32S, Opcode.F64Mul));
                Put(Ins(Opcode.LocalSet, real));
                break;
            case 7 when depth > 0:
                Expression(2);
                Put(Ins(Opcode.BrIf, (uint)Choose(depth)));
                break;
            case 8:
                Expression(2);
                Nest(Opcode.If, depth);
                break;
            case 9:
                Nest(Opcode.Loop, depth);
                break;
            case 10 when depth > 0:
                Nest(Opcode.Block, depth);
                break;
            case 11 when depth > 0:
                // As a switch: a block, and inside it the branch to some labels.
                Put([(byte)Opcode.Block, 0x40]);
                Expression(1);
                uint[] targets = [.. Enumerable.Range(0, 4 + Choose(12)).Select(_ => (uint)Choose(depth + 1))];
                Put([(byte)Opcode.BrTable, .. Number((uint)targets.Length), .. targets.SelectMany(Number), 0, (byte)Opcode.End]);
                break;
        }
    }

    private void Nest(Opcode opcode, int depth)
    {
        Put([(byte)opcode, 0x40]);
        for (int statements = 1 + Choose(4); statements > 0; statements--)
            Statement(depth + 1);
        if (opcode == Opcode.Loop)
        {
            Expression(1);
            Put(Ins(Opcode.BrIf, 0));
        }

        Put(Op(Opcode.End));
    }

    /// <summary>Code that leaves one i32.</summary>
    private void Expression(int depth)
    {
        switch (Choose(depth > 0 ? 8 : 3))
        {
            case 0:
                Put(ConstI32((int)(Next() >> Choose(32))));
                break;
            case 1 or 2:
                Put(Ins(Opcode.LocalGet, AnyInteger()));
                break;
            case 3:
                Expression(depth - 1);
                Put(Access(Opcode.I32Load, (uint)Choose(256) * 4));
                break;
            case 4:
                Expression(depth - 1);
                Put(Op(Opcode.I32Eqz));
                break;
            default:
                Expression(depth - 1);
                Expression(depth - 1);
                Put(Op(s_binary[Choose(s_binary.Length)]));
                break;
        }
    }

    private uint AnyInteger() => (uint)Choose(Integers);

    private void Put(byte[] code) => _code.AddRange(code);

    private int Choose(int count) => (int)(Next() % (uint)count);

    // Marsaglia's xorshift.
    private uint Next()
    {
        _random ^= _random << 13;
        _random ^= _random >> 17;
        _random ^= _random << 5;
        return _random;
    }
}
