using System.Text;

namespace Stoa.Wasm.Text;

/// <summary>The identifiers of one index space of a module, or of a function's locals.</summary>
/// <param name="noun">What it holds, in messages.</param>
/// <param name="limit">How many it may hold.</param>
/// <param name="isNamed">Whether identifiers mean anything; those in a type's definition do not.</param>
internal sealed class IndexSpace(string noun, int limit, bool isNamed = true)
{
    private readonly Dictionary<string, uint> _indexes = new(StringComparer.Ordinal);

    public uint Count { get; private set; }

    public void Add(uint count) => Count += count;

    /// <summary>Adds one, with an identifier or without.</summary>
    public void Add(TextSource source, Token at, string? identifier)
    {
        if (isNamed && identifier is not null && !_indexes.TryAdd(identifier, Count))
            throw source.Malformed($"duplicate {noun} {source.Quote(at)}", at.Start);
        Count++;
        if (Count > (uint)limit)
            throw source.Exceeded($"more than {limit} {noun}s", at.Start);
    }

    /// <summary>Reads a number, or an identifier that is known.</summary>
    public uint Read(TokenReader tokens) => IsNext(tokens) ? Resolve(tokens, tokens.Next()) : throw tokens.Unexpected();

    /// <summary>What a token that is a number or an identifier means.</summary>
    public uint Resolve(TokenReader tokens, Token token)
    {
        if (token.Kind == TokenKind.Natural)
            return tokens.Unsigned(token);
        return _indexes.TryGetValue(Encoding.ASCII.GetString(tokens.Source[token]), out uint index)
            ? index
            : throw tokens.Source.Malformed($"unknown {noun} {tokens.Source.Quote(token)}", token.Start);
    }

    /// <summary>Whether a number or an identifier is next.</summary>
    public static bool IsNext(TokenReader tokens) => tokens.Current.Kind is TokenKind.Natural or TokenKind.Identifier;
}
