using System.Diagnostics.CodeAnalysis;

namespace Stoa.Wasm.Text;

/// <summary>The function types of a module: those that it defines, and after them those that are only written where they are used.</summary>
internal sealed class TypeTable(EngineOptions options)
{
    private readonly List<FunctionType> _types = [];
    private readonly Dictionary<FunctionType, uint> _first = [];

    public IndexSpace Names { get; } = new("type", options.MaxDeclarations);

    public IReadOnlyList<FunctionType> Types => _types;

    public void Define(FunctionType type)
    {
        _first.TryAdd(type, (uint)_types.Count);
        _types.Add(type);
    }

    public bool TryGet(uint index, [NotNullWhen(true)] out FunctionType? type)
    {
        type = index < (uint)_types.Count ? _types[(int)index] : null;
        return type is not null;
    }

    /// <summary>Reads the use of a type (core specification 2.0, section 6.4.5): by index, as parameters and results, or both.</summary>
    /// <param name="tokens">Where it is.</param>
    /// <param name="locals">Takes the parameters' identifiers; null where identifiers are not allowed.</param>
    public uint ReadUse(TokenReader tokens, IndexSpace? locals)
    {
        uint? index = null;
        var at = tokens.Current;
        if (tokens.TryOpen("type"u8))
        {
            at = tokens.Current;
            index = Names.Read(tokens);
            tokens.Close();
        }

        bool isWritten = tokens.Opens("param"u8) || tokens.Opens("result"u8);
        if (index is not { } named)
            return IndexOf(ReadSignature(tokens, locals));
        if (!isWritten)
        {
            locals?.Add(TryGet(named, out var known) ? (uint)known.Parameters.Length : 0);
            return named;
        }

        var written = ReadSignature(tokens, locals);
        if (tokens.Opens("param"u8))
            throw tokens.Unexpected();
        if (!TryGet(named, out var defined))
            throw tokens.Source.Malformed("unknown type", at.Start);
        if (!written.Equals(defined))
            throw tokens.Source.Malformed("inline function type is not the type that is named", at.Start);
        return named;
    }

    /// <summary>Reads the type of a block: the encoding of it, which is a number of 33 bits.</summary>
    public long ReadBlockType(TokenReader tokens)
    {
        const long Empty = -64;
        if (tokens.Opens("type"u8))
            return ReadUse(tokens, null);
        var type = ReadSignature(tokens, null);
        if (!type.Parameters.IsEmpty || type.Results.Length > 1)
            return IndexOf(type);
        return type.Results.IsEmpty ? Empty : (long)type.Results[0] - 128; // kinds are small negative numbers of 7 bits
    }

    /// <summary>Reads parameters and results.</summary>
    public static FunctionType ReadSignature(TokenReader tokens, IndexSpace? locals)
    {
        var parameters = new List<ValueKind>();
        while (tokens.TryOpen("param"u8))
            ReadDeclaration(tokens, parameters, locals);
        return new FunctionType([.. parameters], [.. ReadResults(tokens)]);
    }

    /// <summary>Reads what follows <c>param</c> or <c>local</c>: one type with an identifier, or types.</summary>
    public static void ReadDeclaration(TokenReader tokens, List<ValueKind> kinds, IndexSpace? locals)
    {
        var at = tokens.Current;
        if (locals is not null && tokens.TryIdentifier() is { } identifier)
        {
            kinds.Add(ReadKind(tokens));
            locals.Add(tokens.Source, at, identifier);
            tokens.Close();
            return;
        }

        while (!tokens.TryClose())
        {
            kinds.Add(ReadKind(tokens));
            locals?.Add(1);
        }
    }

    public static List<ValueKind> ReadResults(TokenReader tokens)
    {
        var results = new List<ValueKind>();
        while (tokens.TryOpen("result"u8))
        {
            while (!tokens.TryClose())
                results.Add(ReadKind(tokens));
        }

        return results;
    }

    public static ValueKind ReadKind(TokenReader tokens)
    {
        if (tokens.Current.Kind != TokenKind.Keyword || Keywords.ValueKindOf(tokens.Source[tokens.Current]) is not { } kind)
            throw tokens.Unexpected();
        tokens.Next();
        return kind;
    }

    private uint IndexOf(FunctionType type)
    {
        if (!_first.TryGetValue(type, out uint index))
        {
            index = (uint)_types.Count;
            Define(type);
        }

        return index;
    }
}
