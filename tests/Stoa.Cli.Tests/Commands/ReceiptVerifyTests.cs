namespace Stoa.Cli.Tests.Commands;

/// <summary>What is said of receipts of tasks that ran elsewhere.</summary>
public sealed class ReceiptVerifyTests() : FakeNodeCommandsTest("stoa_test")
{
    private const string Supplier = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N";

    [Fact]
    public async Task Rerun_OfATaskThatAnotherNodeDid_SaysWhereItCanBeRunAgain()
    {
        Node.On($"GET /api/v1/tasks/{Samples.TaskId}/receipt", 200, """{"payloadType":"application/vnd.stoa.receipt.v1+json","payload":"e30=","signatures":[{"keyid":"key","sig":"AAAA"}]}""");
        Node.On(
            $"GET /api/v1/tasks/{Samples.TaskId}", 200,
            Samples.Task("succeeded", "hello").Replace("\"price\"", $$"""
                "supplied":{"node":"{{Supplier}}","taskId":"task_01h2xcejqtf2nbrexx3vqjhp42"},"price"
                """, StringComparison.Ordinal));

        (await Cli.RunAsync($"receipt verify {Samples.TaskId} --rerun")).ShouldBe(ExitCode.Refused);

        Cli.Error.ShouldContain(Supplier);
        Cli.Error.ShouldContain($"stoa receipt get {Samples.TaskId} -o receipt.json");
        Cli.Error.ShouldContain("--address URL");
    }
}
