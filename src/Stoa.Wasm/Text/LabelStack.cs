namespace Stoa.Wasm.Text;

/// <summary>The blocks that surround a place in code, and their labels. An inner label hides an outer one of the same name.</summary>
internal sealed class LabelStack
{
    private readonly List<(string? Identifier, int Hidden)> _blocks = [];

    // For each label that can be seen: which block of the stack it is of.
    private readonly Dictionary<string, int> _visible = new(StringComparer.Ordinal);

    public void Push(string? identifier)
    {
        int hidden = -1;
        if (identifier is not null)
        {
            hidden = _visible.GetValueOrDefault(identifier, -1);
            _visible[identifier] = _blocks.Count;
        }

        _blocks.Add((identifier, hidden));
    }

    public void Pop()
    {
        var (identifier, hidden) = _blocks[^1];
        _blocks.RemoveAt(_blocks.Count - 1);
        if (identifier is null)
            return;
        if (hidden < 0)
            _visible.Remove(identifier);
        else
            _visible[identifier] = hidden;
    }

    /// <summary>Whether an identifier may stand behind the end of the innermost block.</summary>
    public bool Closes(string identifier) => _blocks[^1].Identifier == identifier;

    /// <summary>Reads a label: how many blocks it is outside of the innermost one.</summary>
    public uint Read(TokenReader tokens)
    {
        var token = tokens.Current;
        if (tokens.TryIdentifier() is not { } identifier)
            return tokens.U32();
        if (!_visible.TryGetValue(identifier, out int block))
            throw tokens.Source.Malformed($"unknown label {tokens.Source.Quote(token)}", token.Start);
        return (uint)(_blocks.Count - 1 - block);
    }
}
