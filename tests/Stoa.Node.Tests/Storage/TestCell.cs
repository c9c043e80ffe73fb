using Stoa.Node.Identity;

namespace Stoa.Node.Tests.Storage;

/// <summary>The key of the cell of tests that make their stores themselves.</summary>
internal static class TestCell
{
    public static CellKey Key { get; } = new(new byte[CellKey.SizeBytes]);
}
