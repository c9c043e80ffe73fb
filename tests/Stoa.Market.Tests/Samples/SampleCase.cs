using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Stoa.Market.Calls;

namespace Stoa.Market.Tests.Samples;

/// <summary>An input of a sample agent with what must come of it: an entry of <c>cases.json</c>.</summary>
public sealed record SampleCase(
    string Name,
    string[]? Arguments,
    string? Input,
    byte[]? InputBase64,
    string? InputFile,
    int ExitCode,
    string? Output,
    string? OutputSha256,
    string? Log,
    string? Progress)
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>The cases of a sample, by name.</summary>
    public static IReadOnlyDictionary<string, SampleCase> Of(string sample) =>
        JsonSerializer.Deserialize<SampleCase[]>(File.ReadAllBytes(SampleFolder.File(sample, "cases.json")), s_json)!
            .ToDictionary(each => each.Name);

    /// <summary>What the agent reads.</summary>
    public byte[] InputOf(string sample) =>
        InputBase64 ?? (InputFile is { } file ? File.ReadAllBytes(SampleFolder.File(sample, file)) : Encoding.UTF8.GetBytes(Input!));

    /// <summary>Holds what the agent did against what it must do.</summary>
    public void Check(int exitCode, byte[] output, string log, AgentProgress? told)
    {
        exitCode.ShouldBe(ExitCode, log);
        if (Output is not null)
            Encoding.UTF8.GetString(output).ShouldBe(Output);
        if (OutputSha256 is not null)
            Convert.ToHexStringLower(SHA256.HashData(output)).ShouldBe(OutputSha256);
        if (Log is not null)
            log.ShouldContain(Log);
        if (Progress is not null)
            $"{told?.Done}/{told?.Total} {told?.Message}".ShouldBe(Progress);
    }
}
