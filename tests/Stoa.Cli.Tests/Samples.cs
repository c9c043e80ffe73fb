using System.Text;

namespace Stoa.Cli.Tests;

/// <summary>Answers in the form of the API.</summary>
internal static class Samples
{
    public const string TaskId = "task_01h2xcejqtf2nbrexx3vqjhp41";

    public static string Digest(string text) => Stoa.Primitives.ContentHash.Of(Encoding.UTF8.GetBytes(text)).ToString();

    public static string Problem(int status, string code, string detail = "because") =>
        $$"""{"type":"about:blank","title":"{{code}}","status":{{status}},"detail":"{{detail}}","code":"{{code}}","errors":[{"pointer":"/price/base","reason":"is negative"}]}""";

    public static string Task(string state, string? output = null) =>
        $$"""
        {"id":"{{TaskId}}","agent":"stoa/upper@1.0.0","state":"{{state}}","inputDigest":"{{Digest("hi")}}","inputBytes":2,"parameters":{},
         "limits":{"fuel":1,"memoryBytes":2,"timeoutMs":3,"outputBytes":4,"logBytes":5},"hold":"0.002000000","attempts":1,
         "createdAt":"2026-01-01T00:00:00.000Z"
         {{(state is "queued" or "running" ? "" : ""","finishedAt":"2026-01-01T00:00:01.500Z" """)}}
         {{(output is null ? "" : $$""","result":{"digest":"{{Digest(output)}}","sizeBytes":{{output.Length}},"mediaType":"text/plain","usage":{"fuel":1200000,"peakMemoryBytes":65536,"inputBytes":2,"outputBytes":{{output.Length}},"durationMs":7},"price":"0.001250000","receiptId":"rcpt_01h2xcejqtf2nbrexx3vqjhp41"}""")}}
         {{(state == "failed" ? ""","failure":{"code":"agentExit","detail":"exit code 1","log":"bad input\n"}""" : "")}}
        }
        """;

    public static string Event(string id, string type, string data = "{}") =>
        $"id: {id}\nevent: {type}\ndata: {{\"specversion\":\"1.0\",\"id\":\"{id}\",\"source\":\"stoa://x\",\"type\":\"{type}\",\"subject\":\"{TaskId}\",\"time\":\"2026-01-01T00:00:00.000Z\",\"data\":{data}}}\n\n";

    public static string TaskData(string state) =>
        $$"""{"taskId":"{{TaskId}}","agent":"stoa/upper@1.0.0","state":"{{state}}","attempt":1}""";

    public static string Progress(long read) =>
        $$"""{"taskId":"{{TaskId}}","inputBytesRead":{{read}},"inputBytesTotal":100,"outputBytesWritten":0,"fuel":5,"fuelLimit":10,"elapsedMs":20}""";
}
