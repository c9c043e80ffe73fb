namespace Stoa.Wasm;

/// <summary>A place in a module's text.</summary>
/// <param name="Line">From 1.</param>
/// <param name="Column">From 1, in Unicode characters.</param>
public readonly record struct TextPosition(int Line, int Column)
{
    /// <inheritdoc/>
    public override string ToString() => $"line {Line}, column {Column}";
}
