using System.Buffers.Binary;
using System.Runtime.Intrinsics;
using Stoa.Wasm.Binary;
using Stoa.Wasm.Text;

namespace Stoa.Wasm.Tests.Spec;

/// <summary>The values in scripts: those given to functions, and what results are expected to be.</summary>
internal static class SpecValues
{
    /// <summary>Reads the arguments up to the closing parenthesis.</summary>
    public static Value[] ReadArguments(TokenReader tokens) => [.. ReadPatterns(tokens).Select(pattern => pattern.Exact)];

    /// <summary>Reads what is expected up to the closing parenthesis.</summary>
    public static List<SpecPattern> ReadPatterns(TokenReader tokens)
    {
        var patterns = new List<SpecPattern>();
        while (!tokens.AtClose)
        {
            tokens.Expect(TokenKind.LeftParenthesis);
            patterns.Add(ReadPattern(tokens));
            tokens.Close();
        }

        return patterns;
    }

    /// <summary>How results differ from what is expected; null when they do not.</summary>
    public static string? Difference(Value[] actual, List<SpecPattern> expected)
    {
        if (actual.Length != expected.Count)
            return $"{actual.Length} results, expected {expected.Count}";
        for (int i = 0; i < actual.Length; i++)
        {
            if (!expected[i].Matches(actual[i]))
                return $"{actual[i]} (bits {actual[i].Bits:x}), expected {expected[i].Text}";
        }

        return null;
    }

    private static SpecPattern ReadPattern(TokenReader tokens)
    {
        int start = tokens.Current.Start;
        if (tokens.TryKeyword("ref.func"u8))
            return SpecPattern.AnyReference(ValueKind.FuncRef);
        if (tokens.TryKeyword("ref.null"u8))
            return SpecPattern.Of(tokens.TryKeyword("func"u8) ? Value.NullFunction : ReadNullExtern(tokens));
        if (tokens.TryKeyword("ref.extern"u8))
            return tokens.AtClose ? SpecPattern.AnyReference(ValueKind.ExternRef) : SpecPattern.Of(Value.FromExtern(tokens.U32()));
        var keyword = tokens.Expect(TokenKind.Keyword);
        var lanes = new List<SpecLane>();
        ValueKind kind;
        if (Mnemonics.TryFind(tokens.Source[keyword], out var mnemonic) && mnemonic is { Opcode: Opcode.PrefixVector, Code: (uint)VectorOpcode.V128Const })
        {
            kind = ValueKind.V128;
            var (bits, isFloat) = ConstantWriter.ReadShape(tokens);
            for (int lane = 0; lane < 128 / bits; lane++)
                lanes.Add(ReadLane(tokens, bits, isFloat));
        }
        else
        {
            (kind, int bits, bool isFloat) = mnemonic.Opcode switch
            {
                Opcode.I32Const => (ValueKind.I32, 32, false),
                Opcode.I64Const => (ValueKind.I64, 64, false),
                Opcode.F32Const => (ValueKind.F32, 32, true),
                Opcode.F64Const => (ValueKind.F64, 64, true),
                _ => throw tokens.Unexpected(keyword),
            };
            lanes.Add(ReadLane(tokens, bits, isFloat));
        }

        return new SpecPattern(kind, lanes, System.Text.Encoding.UTF8.GetString(tokens.Source.Bytes[start..tokens.Current.Start]));
    }

    private static Value ReadNullExtern(TokenReader tokens)
    {
        if (!tokens.TryKeyword("extern"u8))
            throw tokens.Unexpected();
        return Value.NullExtern;
    }

    private static SpecLane ReadLane(TokenReader tokens, int bits, bool isFloat)
    {
        if (tokens.TryKeyword("nan:canonical"u8))
            return new SpecLane(bits, SpecNan.Canonical, 0);
        if (tokens.TryKeyword("nan:arithmetic"u8))
            return new SpecLane(bits, SpecNan.Arithmetic, 0);
        return new SpecLane(bits, SpecNan.None, isFloat ? ConstantWriter.ReadFloat(tokens, bits) : ConstantWriter.ReadInteger(tokens, bits));
    }
}

/// <summary>Classes of NaN that an expectation may name instead of bits.</summary>
internal enum SpecNan
{
    None,
    Canonical,
    Arithmetic,
}

/// <summary>What a lane of a vector, or a number, is expected to be.</summary>
internal readonly record struct SpecLane(int Bits, SpecNan Nan, ulong Value)
{
    public bool Matches(ReadOnlySpan<byte> bytes)
    {
        ulong actual = 0;
        for (int i = (Bits / 8) - 1; i >= 0; i--)
            actual = (actual << 8) | bytes[i];
        ulong quiet = Bits == 32 ? 0x7FC00000UL : 0x7FF8000000000000;
        ulong magnitude = ulong.MaxValue >> (65 - Bits);
        return Nan switch
        {
            SpecNan.Canonical => (actual & magnitude) == quiet,
            SpecNan.Arithmetic => (actual & quiet) == quiet,
            _ => actual == Value,
        };
    }
}

/// <summary>What a result is expected to be.</summary>
internal sealed record SpecPattern(ValueKind Kind, List<SpecLane> Lanes, string Text)
{
    private Value? _exact;
    private bool _isAny;

    /// <summary>The one value that matches.</summary>
    public Value Exact => _exact ?? Make();

    public static SpecPattern Of(Value value) => new(value.Kind, [], value.ToString()) { _exact = value };

    public static SpecPattern AnyReference(ValueKind kind) => new(kind, [], $"any {kind}") { _isAny = true };

    public bool Matches(Value actual)
    {
        if (actual.Kind != Kind)
            return false;
        if (_isAny)
            return actual != Value.Zero(Kind);
        if (_exact is { } exact)
            return actual == exact;
        var bytes = Bytes(actual);
        int at = 0;
        foreach (var lane in Lanes)
        {
            if (!lane.Matches(bytes.AsSpan(at)))
                return false;
            at += lane.Bits / 8;
        }

        return true;
    }

    private static byte[] Bytes(Value value)
    {
        var bytes = new byte[16];
        if (value.Kind == ValueKind.V128)
            value.ToVector().CopyTo(bytes);
        else
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, value.Bits);
        return bytes;
    }

    private Value Make()
    {
        if (Kind != ValueKind.V128)
            return Value.FromBits(Kind, Lanes[0].Value);
        var bytes = new byte[24];
        int at = 0;
        foreach (var lane in Lanes)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(at), lane.Value);
            at += lane.Bits / 8;
        }

        return Value.FromVector(Vector128.Create(bytes.AsSpan(0, 16)));
    }
}
