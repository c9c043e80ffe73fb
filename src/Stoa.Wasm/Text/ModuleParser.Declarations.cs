namespace Stoa.Wasm.Text;

// The first pass: what there is, by which identifiers, and the types.
internal sealed partial class ModuleParser
{
    // What the module defines first that an import may not come after; null as long as it only imports.
    private string? _firstDefinition;
    private bool _hasStart;

    private void Declare()
    {
        while (!_tokens.AtClose && _tokens.Current.Kind != TokenKind.End)
        {
            int start = _tokens.Current.Start;
            _tokens.Expect(TokenKind.LeftParenthesis);
            var keyword = _tokens.Expect(TokenKind.Keyword);
            DeclareField(keyword);
            int end = _tokens.SkipList();
            _fields.Add(new Field(start, end));
        }
    }

    private void DeclareField(Token field)
    {
        var keyword = _tokens.Source[field];
        if (keyword.SequenceEqual("type"u8))
            DeclareType();
        else if (keyword.SequenceEqual("import"u8))
            DeclareImport(field);
        else if (keyword.SequenceEqual("elem"u8))
            DeclareIdentifier(_scope.Elements);
        else if (keyword.SequenceEqual("data"u8))
            DeclareIdentifier(_scope.Data);
        else if (FindSpace(keyword) is { } found)
            DeclareDefinition(field, found.Space, found.Noun);
        else if (keyword.SequenceEqual("start"u8))
            DeclareStart(field);
        else if (!keyword.SequenceEqual("export"u8))
            throw _tokens.Unexpected(field);
    }

    private (IndexSpace Space, string Noun)? FindSpace(ReadOnlySpan<byte> keyword) =>
        keyword.SequenceEqual("func"u8) ? (_scope.Functions, "function")
        : keyword.SequenceEqual("table"u8) ? (_scope.Tables, "table")
        : keyword.SequenceEqual("memory"u8) ? (_scope.Memories, "memory")
        : keyword.SequenceEqual("global"u8) ? (_scope.Globals, "global")
        : null;

    private void DeclareIdentifier(IndexSpace space)
    {
        var at = _tokens.Current;
        space.Add(_tokens.Source, at, _tokens.TryIdentifier());
    }

    private void DeclareType()
    {
        DeclareIdentifier(_scope.Types.Names);
        _tokens.Open("func"u8);
        _scope.Types.Define(TypeTable.ReadSignature(_tokens, Unnamed()));
        _tokens.Close();
        if (!_tokens.AtClose)
            throw _tokens.Unexpected(); // the second pass does not come back to types
    }

    private void DeclareImport(Token field)
    {
        CheckImport(field);
        _tokens.Expect(TokenKind.String);
        _tokens.Expect(TokenKind.String);
        _tokens.Expect(TokenKind.LeftParenthesis);
        var keyword = _tokens.Expect(TokenKind.Keyword);
        if (FindSpace(_tokens.Source[keyword]) is not { } found)
            throw _tokens.Unexpected(keyword);
        DeclareIdentifier(found.Space);
        _tokens.SkipList();
    }

    private void DeclareDefinition(Token field, IndexSpace space, string noun)
    {
        DeclareIdentifier(space);
        while (_tokens.TryOpen("export"u8))
            _tokens.SkipList();
        if (_tokens.Opens("import"u8))
        {
            CheckImport(field);
            return;
        }

        _firstDefinition ??= noun;

        // What fills a table or memory where it is defined is a segment too, and has a number.
        if (noun == "table" && IsReferenceKind())
            _scope.Elements.Add(1);
        else if (noun == "memory" && _tokens.Opens("data"u8))
            _scope.Data.Add(1);
    }

    private void DeclareStart(Token field)
    {
        if (_hasStart)
            throw _tokens.Source.Malformed("multiple start sections", field.Start);
        _hasStart = true;
    }

    private void CheckImport(Token field)
    {
        if (_firstDefinition is not null)
            throw _tokens.Source.Malformed($"import after {_firstDefinition}", field.Start);
    }

    private bool IsReferenceKind() =>
        _tokens.Current.Kind == TokenKind.Keyword && Keywords.ReferenceKindOf(_tokens.Source[_tokens.Current]) is not null;

    // Takes identifiers of parameters where they mean nothing.
    private IndexSpace Unnamed() => new("parameter", _tokens.Source.Options.MaxParameters, isNamed: false);
}
