using System.Globalization;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Statements;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Statements;

/// <summary>The JSON Schemas of statements. They are published, so they only ever grow: another form is another version.</summary>
public static class StatementSchemas
{
    /// <summary>All files at <c>/schemas/</c> that are about statements: those of statements, each version of them, and those of the manifests of goods.</summary>
    public static IReadOnlyList<string> Files { get; } =
    [
        .. Enum.GetValues<StatementKind>().SelectMany(kind => Enumerable.Range(1, kind.LatestSchema()).Select(version => FileOf(kind, version))),
        .. Enum.GetValues<ListingKind>().Where(kind => kind is not ListingKind.Agent).Select(FileOf),
    ];

    /// <summary>The file of a kind's schema, at <c>/schemas/</c>.</summary>
    public static string FileOf(StatementKind kind, int version = 1) => string.Create(CultureInfo.InvariantCulture, $"statement-{kind.Word()}.v{version}.json");

    /// <summary>The file of the schema of a manifest of goods, at <c>/schemas/</c>.</summary>
    public static string FileOf(ListingKind kind) => $"listing-{EnumWord.Of(kind)}.v1.json";

    /// <summary>A schema, draft 2020-12.</summary>
    /// <param name="file">One of <see cref="Files"/>.</param>
    public static byte[] Read(string file)
    {
        using var stream = typeof(StatementSchemas).Assembly.GetManifestResourceStream("Stoa.Node.Registry.Statements.Schemas." + file)
            ?? throw new InvalidOperationException($"The schema {file} was not built in.");
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
