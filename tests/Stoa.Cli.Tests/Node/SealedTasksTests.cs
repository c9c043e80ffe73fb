using System.Text;
using System.Text.Json;
using Stoa.Client;
using Stoa.Primitives;

namespace Stoa.Cli.Tests.Node;

/// <summary>Tasks that are sealed from the command line.</summary>
[Collection(RealNode.Turns)]
public sealed class SealedTasksTests(RealNode node) : IDisposable
{
    private const string Markdown = "stoa/markdown-html";
    private readonly TestCli _cli = node.Cli();

    public void Dispose() => _cli.Dispose();

    private string[] Kept => Directory.Exists(Path.Combine(_cli.ConfigDirectory, "stoa", "seals"))
        ? Directory.GetFiles(Path.Combine(_cli.ConfigDirectory, "stoa", "seals"))
        : [];

    [Fact]
    public async Task Task_ThatIsSealed_IsOpenedHereNowAndLater_AndItsReceiptRunsAgain()
    {
        (await _cli.RunAsync(["task", "submit", Markdown, "--text", "# Sealed", "--seal"])).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("<h1>Sealed</h1>");
        var secret = Kept.ShouldHaveSingleItem();
        if (!OperatingSystem.IsWindows())
            File.GetUnixFileMode(secret).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        (await _cli.RunAsync("task list --limit 1 --json")).ShouldBe(ExitCode.Ok, _cli.Error);
        var id = JsonDocument.Parse(_cli.Output).RootElement.GetProperty("items")[0].GetProperty("id").GetString();

        (await _cli.RunAsync($"task result {id} -o -")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("<h1>Sealed</h1>");
        (await _cli.RunAsync($"task show {id}")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("Sealed");
        (await _cli.RunAsync($"receipt verify {id} --rerun")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("to the key");
        _cli.Output.ShouldContain("the same output, the same fuel");
        // Without the secret nobody can.
        File.Move(secret, Path.Combine(_cli.Folder, "elsewhere.key"));
        (await _cli.RunAsync($"task result {id} -o lost.html")).ShouldBe(ExitCode.Refused);
        _cli.Error.ShouldContain("--reply-key FILE");
        File.Exists(Path.Combine(_cli.Folder, "lost.html")).ShouldBeFalse();
        (await _cli.RunAsync($"receipt verify {id} --rerun")).ShouldBe(ExitCode.Refused);
        (await _cli.RunAsync($"task result {id} --reply-key elsewhere.key -o found.html")).ShouldBe(ExitCode.Ok, _cli.Error);
        File.ReadAllText(Path.Combine(_cli.Folder, "found.html")).ShouldContain("<h1>Sealed</h1>");
        (await _cli.RunAsync($"receipt verify {id} --rerun --reply-key elsewhere.key")).ShouldBe(ExitCode.Ok, _cli.Error);
    }

    [Fact]
    public async Task Secret_IsKeptWhereItWasTold_AndTheNodeIsTheOneThatIsTrusted()
    {
        var peer = await PeerAsync();

        (await _cli.RunAsync(["task", "submit", Markdown, "--text", "# Hi", "--seal", "--reply-key", "own.key", "--trust-node", peer, "-o", "hi.html"])).ShouldBe(ExitCode.Ok, _cli.Error);

        Kept.ShouldBeEmpty();
        SealSecret.Parse(File.ReadAllText(Path.Combine(_cli.Folder, "own.key"))).Secret.Length.ShouldBe(32);
        File.ReadAllText(Path.Combine(_cli.Folder, "hi.html")).ShouldContain("<h1>Hi</h1>");
        using var other = PrivateKey.Generate();
        (await _cli.RunAsync(["task", "submit", Markdown, "--text", "# Hi", "--seal", "--trust-node", other.PublicKey.PeerId.ToString()])).ShouldBe(ExitCode.Refused);
        _cli.Error.ShouldContain("none of those that are trusted");
        (await _cli.RunAsync(["task", "submit", Markdown, "--text", "# Hi", "--reply-key", "own.key"])).ShouldBe(ExitCode.Usage);
        _cli.Error.ShouldContain("go with --seal");
    }

    [Fact]
    public async Task LongInput_FromAPipe_IsSealedAndUploaded()
    {
        var text = new StringBuilder("# Long\n\n").Insert(8, "All of it is read. ", 100_000).ToString();

        (await _cli.RunAsync(["task", "submit", Markdown, "--seal", "-o", "long.html"], Encoding.UTF8.GetBytes(text))).ShouldBe(ExitCode.Ok, _cli.Error);

        File.ReadAllText(Path.Combine(_cli.Folder, "long.html")).Length.ShouldBeGreaterThan(1_900_000);
    }

    private async Task<string> PeerAsync()
    {
        (await _cli.RunAsync("node list --json")).ShouldBe(ExitCode.Ok, _cli.Error);
        return JsonDocument.Parse(_cli.Output).RootElement.GetProperty("items")[0].GetProperty("peerId").GetString()!;
    }
}
