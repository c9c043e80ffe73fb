using Stoa.Market.Registry.Statements;

namespace Stoa.Node.Registry.Statements;

/// <summary>The JSON Schemas of statements. They are published, so they only ever grow: another form is another version.</summary>
public static class StatementSchemas
{
    /// <summary>The file of a kind's schema, at <c>/schemas/</c>.</summary>
    public static string FileOf(StatementKind kind) => $"statement-{kind.Word()}.v1.json";

    /// <summary>The schema of a kind, draft 2020-12.</summary>
    public static byte[] Read(StatementKind kind)
    {
        using var stream = typeof(StatementSchemas).Assembly.GetManifestResourceStream("Stoa.Node.Registry.Statements.Schemas." + FileOf(kind))
            ?? throw new InvalidOperationException($"The schema of statements of the kind {kind} was not built in.");
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
