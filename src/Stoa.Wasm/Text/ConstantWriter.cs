using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Text;

/// <summary>Writes the numbers that instructions have as operands.</summary>
internal static class ConstantWriter
{
    public static void Write(TokenReader tokens, Opcode opcode, ByteBuffer target)
    {
        switch (opcode)
        {
            case Opcode.I32Const:
                target.Signed((int)ReadInteger(tokens, 32));
                break;
            case Opcode.I64Const:
                target.Signed((long)ReadInteger(tokens, 64));
                break;
            case Opcode.F32Const:
                target.Fixed(ReadFloat(tokens, 32), 4);
                break;
            default:
                target.Fixed(ReadFloat(tokens, 64), 8);
                break;
        }
    }

    /// <summary>Writes a vector: its shape and a number for each lane (core specification 2.0, section 6.5.9).</summary>
    public static void WriteVector(TokenReader tokens, ByteBuffer target)
    {
        var (bits, isFloat) = ReadShape(tokens);
        int first = tokens.Current.Start;
        int count = 0;
        for (; tokens.Current.IsNumber; count++)
            tokens.Next();
        if (count < 128 / bits && tokens.Current.Kind is not (TokenKind.LeftParenthesis or TokenKind.RightParenthesis))
            throw tokens.Unexpected();
        if (count != 128 / bits)
            throw tokens.Source.Malformed("wrong number of lane literals", first);

        tokens.Reset(first);
        while (count-- > 0)
            target.Fixed(isFloat ? ReadFloat(tokens, bits) : ReadInteger(tokens, bits), bits / 8);
    }

    public static byte ReadLane(TokenReader tokens)
    {
        var token = tokens.Expect(TokenKind.Natural);
        return IntegerLiteral.TryParse(tokens.Source[token], 8, out ulong lane) ? (byte)lane : throw MalformedLane(tokens, token);
    }

    public static void WriteShuffle(TokenReader tokens, ByteBuffer target)
    {
        const int Lanes = 16;
        for (int i = 0; i < Lanes; i++)
        {
            if (tokens.Current.Kind is TokenKind.LeftParenthesis or TokenKind.RightParenthesis)
                throw tokens.Source.Malformed("invalid lane length", tokens.Current.Start);
            if (tokens.Current.Kind is TokenKind.Integer or TokenKind.Float)
                throw MalformedLane(tokens, tokens.Current);
            target.Byte(ReadLane(tokens));
        }

        if (tokens.Current.IsNumber)
            throw tokens.Source.Malformed("invalid lane length", tokens.Current.Start);
    }

    public static ulong ReadInteger(TokenReader tokens, int bits)
    {
        if (!tokens.Current.IsInteger)
            throw tokens.Unexpected();
        var token = tokens.Next();
        return IntegerLiteral.TryParse(tokens.Source[token], bits, out ulong value) ? value : throw OutOfRange(tokens, token);
    }

    public static ulong ReadFloat(TokenReader tokens, int bits)
    {
        if (!tokens.Current.IsNumber)
            throw tokens.Unexpected();
        var token = tokens.Next();
        return FloatLiteral.TryParse(tokens.Source[token], bits, out ulong value) ? value : throw OutOfRange(tokens, token);
    }

    /// <summary>Reads the shape of a vector, such as <c>i16x8</c>.</summary>
    public static (int Bits, bool IsFloat) ReadShape(TokenReader tokens) =>
        tokens.TryKeyword("i8x16"u8) ? (8, false)
        : tokens.TryKeyword("i16x8"u8) ? (16, false)
        : tokens.TryKeyword("i32x4"u8) ? (32, false)
        : tokens.TryKeyword("i64x2"u8) ? (64, false)
        : tokens.TryKeyword("f32x4"u8) ? (32, true)
        : tokens.TryKeyword("f64x2"u8) ? (64, true)
        : throw tokens.Unexpected();

    private static InvalidModuleException MalformedLane(TokenReader tokens, Token token) =>
        tokens.Source.Malformed("malformed lane index", token.Start);

    private static InvalidModuleException OutOfRange(TokenReader tokens, Token token) =>
        tokens.Source.Malformed("constant out of range", token.Start);
}
