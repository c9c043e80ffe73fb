using System.CommandLine.Parsing;
using System.Text;
using System.Text.Json;
using Stoa.Cli.Commands;

namespace Stoa.Cli.Tests.Node;

/// <summary>What is found again by its id or digest, and what is said of what is not found.</summary>
[Collection(RealNode.Turns)]
public sealed class LookingUpTests(RealNode node) : IDisposable
{
    private const string Markdown = "stoa/markdown-html";
    private readonly TestCli _cli = node.Cli();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task Batches_AreListed()
    {
        (await _cli.RunAsync(["batch", "submit", "-"], Encoding.UTF8.GetBytes($$$"""{"agent":"{{{Markdown}}}","input":{"text":"# Hi"}}"""))).ShouldBe(ExitCode.Ok, _cli.Error);
        var id = _cli.Output.Trim();

        (await _cli.RunAsync("batch list")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain(id);
        (await _cli.RunAsync("batch list --json --limit 1")).ShouldBe(ExitCode.Ok, _cli.Error);
        JsonDocument.Parse(_cli.Output).RootElement.GetProperty("items")[0].GetProperty("id").GetString().ShouldBe(id);
    }

    [Fact]
    public async Task Receipt_IsSavedAndHoldsByItself()
    {
        (await _cli.RunAsync(["task", "submit", Markdown, "--text", "# Hello", "--json"])).ShouldBe(ExitCode.Ok, _cli.Error);
        var id = JsonDocument.Parse(_cli.Output).RootElement.GetProperty("id").GetString();

        (await _cli.RunAsync($"receipt get {id} -o receipt.json")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync("receipt verify receipt.json")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain(id!);
        (await _cli.RunAsync($"receipt get {id}")).ShouldBe(ExitCode.Ok, _cli.Error);
        JsonDocument.Parse(_cli.Output).RootElement.GetProperty("payload").GetString().ShouldNotBeNullOrEmpty();
    }

    [Fact]
    public async Task Blob_IsStoredFilledIntoATemplateAndReadAgain()
    {
        _cli.Write("hello.md", "# Stored");
        _cli.Write("template.json", $$$$"""{"name":"stored","task":{"agent":"{{{{Markdown}}}}","input":{"digest":"{{page}}"}},"parameters":[{"name":"page"}]}""");
        (await _cli.RunAsync("blob put hello.md")).ShouldBe(ExitCode.Ok, _cli.Error);
        var digest = _cli.Output.Trim();
        (await _cli.RunAsync("template create template.json")).ShouldBe(ExitCode.Ok, _cli.Error);
        var template = _cli.Output.Trim();

        (await _cli.RunAsync($"template submit {template} --set page={digest}")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain("<h1>Stored</h1>");
        (await _cli.RunAsync($"blob get {digest} -o again.md")).ShouldBe(ExitCode.Ok, _cli.Error);
        File.ReadAllText(Path.Combine(_cli.Folder, "again.md")).ShouldBe("# Stored");
        (await _cli.RunAsync($"template submit {template} --set page={Samples.Digest("nowhere")}")).ShouldBe(ExitCode.Refused);
        _cli.Error.ShouldContain("stoa blob put FILE");
        (await _cli.RunAsync($"template delete {template}")).ShouldBe(ExitCode.Ok, _cli.Error);

        (await _cli.RunAsync("blob list")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldContain(digest);
        (await _cli.RunAsync($"blob delete {digest}")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync("blob list --json")).ShouldBe(ExitCode.Ok, _cli.Error);
        _cli.Output.ShouldNotContain(digest);
        (await _cli.RunAsync($"blob delete {digest}")).ShouldBe(ExitCode.Refused);
    }

    [Fact]
    public async Task Template_ThatAScheduleUses_IsDeletedWithForceAlone()
    {
        _cli.Write("template.json", $$$$"""{"name":"used","task":{"agent":"{{{{Markdown}}}}","input":{"text":"# Hi"}}}""");
        (await _cli.RunAsync("template create template.json")).ShouldBe(ExitCode.Ok, _cli.Error);
        var template = _cli.Output.Trim();
        (await _cli.RunAsync(["schedule", "create", "0 7 1 1 *", "--template", template, "--json"])).ShouldBe(ExitCode.Ok, _cli.Error);
        var schedule = JsonDocument.Parse(_cli.Output).RootElement.GetProperty("id").GetString();

        (await _cli.RunAsync($"template delete {template}")).ShouldBe(ExitCode.Refused);
        _cli.Error.ShouldContain(schedule!);
        _cli.Error.ShouldContain("with --force");
        (await _cli.RunAsync($"template delete {template} --force")).ShouldBe(ExitCode.Ok, _cli.Error);
        (await _cli.RunAsync($"schedule delete {schedule}")).ShouldBe(ExitCode.Ok, _cli.Error);
    }

    [Fact]
    public async Task Status_WithJson_SaysAllThatTheTextSays()
    {
        (await _cli.RunAsync("status --json")).ShouldBe(ExitCode.Ok, _cli.Error);

        var status = JsonDocument.Parse(_cli.Output).RootElement;
        status.GetProperty("peerId").GetString().ShouldNotBeNullOrEmpty();
        status.GetProperty("address").GetString().ShouldBe(node.Address.ToString().TrimEnd('/'));
        status.GetProperty("account").GetProperty("handle").GetString().ShouldBe("stoa");
        status.GetProperty("keySource").GetString().ShouldBe("STOA_KEY");
        status.GetProperty("wallet").GetProperty("available").GetString().ShouldNotBeNullOrEmpty();
    }

    [Theory]
    [InlineData("agent show stoa/markdown-htm", "Did you mean stoa/markdown-html?")]
    [InlineData("task submit stoa/csv-profil --text a", "Did you mean stoa/csv-profile?")]
    [InlineData("task submit --capability image.rezise --text a", "Did you mean image.resize?")]
    [InlineData("wallet deposit nobody 10", "No user has the handle 'nobody'.")]
    [InlineData("task submit stoa/image-resize --text a --timeout 2h -p width=3", "  --timeout  1 to")]
    public async Task Refusal_SaysInTheCommandsWordsWhatWasMeant(string commandLine, string said)
    {
        (await _cli.RunAsync(commandLine)).ShouldBe(ExitCode.Refused);

        _cli.Error.ShouldContain(said);
        _cli.Error.ShouldNotContain("/api/v1");
    }

    [Fact]
    public async Task BudgetOfTheExample_IsEnough()
    {
        var example = new TaskSubmitCommand(new CommandScope(_cli.Surroundings(), new GlobalOptions()))
            .Examples.Single(example => example.CommandLine.Contains("--text", StringComparison.Ordinal));

        (await _cli.RunAsync([.. CommandLineParser.SplitCommandLine(example.CommandLine.Replace('\'', '"')).Skip(1)])).ShouldBe(ExitCode.Ok, _cli.Error);
    }

    [Fact]
    public async Task Listings_OfTheNode_AreFoundShownLikenedAndResolved_AndALockHoldsUntilItIsChanged()
    {
        var found = await JsonAsync("listing search markdown --kind agent --capability text.markdown-to-html");
        found.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("name").GetString()).ShouldBe(["markdown-html"]);
        (await JsonAsync($"listing show {Markdown}")).GetProperty("newest").GetString().ShouldBe("1.0.0");
        (await JsonAsync($"listing versions {Markdown} --range ^1.0.0")).GetProperty("items").GetArrayLength().ShouldBe(1);
        (await _cli.RunAsync("listing similar stoa/picture-page")).ShouldBe(ExitCode.Ok, _cli.Error);

        // A statement of it given to the node by hand is the one that it has.
        var id = found.GetProperty("items")[0].GetProperty("statementId").GetString()!;
        using (var client = node.Client())
            _cli.Write("statement.json", Encoding.UTF8.GetString((await client.GetStatementAsync(Stoa.Primitives.ContentHash.Parse(id), TestContext.Current.CancellationToken)).ToJson()));
        (await JsonAsync("listing submit statement.json")).GetProperty("effect").GetString().ShouldBe("known");

        (await _cli.RunAsync("listing resolve stoa/picture-page@^1.0.0 --lock")).ShouldBe(ExitCode.Ok, _cli.Error);
        foreach (var name in new[] { "stoa/picture-page", "stoa/image-resize", Markdown })
            _cli.Output.ShouldContain(name);
        (await _cli.RunAsync("listing resolve --check")).ShouldBe(ExitCode.Ok, _cli.Error);
        var path = Path.Combine(_cli.Folder, "stoa.lock");
        var locked = JsonDocument.Parse(File.ReadAllText(path)).RootElement.GetProperty("versions").EnumerateArray().Single(version => version.GetProperty("name").GetString() == Markdown);
        var program = locked.GetProperty("programDigest").GetString()!;
        File.WriteAllText(path, File.ReadAllText(path).Replace(program, Samples.Digest("other"), StringComparison.Ordinal));
        (await _cli.RunAsync("listing resolve --check")).ShouldBe(ExitCode.Refused);
        _cli.Error.ShouldContain($"{Markdown}@1.0.0");

        (await _cli.RunAsync($"listing resolve stoa/picture-page {Markdown}@^2.0.0")).ShouldBe(ExitCode.Refused);
        _cli.Error.ShouldContain($"{Markdown}@^2.0.0 is asked for");
    }

    private async Task<JsonElement> JsonAsync(string command)
    {
        (await _cli.RunAsync(command + " --json")).ShouldBe(ExitCode.Ok, _cli.Error);
        return JsonDocument.Parse(_cli.Output).RootElement;
    }
}
