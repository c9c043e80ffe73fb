namespace Stoa.Wasm.Runtime;

/// <summary>Elements that tables may hold together: those of one instance share one budget.</summary>
/// <param name="maxElements">How many.</param>
internal sealed class TableBudget(long maxElements)
{
    /// <summary>How many more.</summary>
    public long Left { get; private set; } = maxElements;

    /// <summary>Counts elements that a table got.</summary>
    public void Take(uint elements) => Left -= elements;
}
