namespace Stoa.Node.Metering;

/// <summary>The JSON Schema of usage events. It is published, so it only ever grows: another form is another version.</summary>
public static class UsageSchema
{
    /// <summary>The schema, draft 2020-12.</summary>
    public static byte[] Utf8 { get; } = Read();

    private static byte[] Read()
    {
        using var stream = typeof(UsageSchema).Assembly.GetManifestResourceStream("Stoa.Node.Metering.usage-event.v1.json")
            ?? throw new InvalidOperationException("The schema of usage events was not built in.");
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
