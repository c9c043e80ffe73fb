using System.CommandLine;
using Stoa.Cli.Connection;
using Stoa.Cli.Receipts;
using Stoa.Cli.Terminal;
using Stoa.Cli.Tour;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tasks;
using Stoa.Primitives;

namespace Stoa.Cli.Commands;

/// <summary><c>stoa tour</c>, which <c>./run</c> calls: a node, the sample agents and models, a first task with all that follows from it.</summary>
internal sealed class TourCommand : StoaCommand
{
    private readonly Option<string?> _data = NodeOptionSet.Data();
    private readonly Option<int?> _port = NodeOptionSet.Port();
    private readonly Option<string> _samples = new("--samples") { Description = "The folder with the sample agents. Default: ./samples.", HelpName = "DIR", DefaultValueFactory = _ => "samples" };
    private readonly Option<bool> _once = new("--once") { Description = "Stop the node at the end instead of keeping it running." };

    public TourCommand(CommandScope scope)
        : base(
            scope,
            "tour",
            "Start a node, publish the sample agents, serve the sample models, run a first task, check its receipt, and stay up. The node's logs go to logs/node.log in its data folder.",
            new("In a checkout, as ./run does", "stoa tour"),
            new("As a check: exit code 0 when all of it works", "stoa tour --once --port 0 --data /tmp/stoa"))
    {
        Add(_data);
        Add(_port);
        Add(_samples);
        Add(_once);
    }

    protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
    {
        var screen = invocation.Screen;
        var steps = new TourSteps(screen, invocation.Surroundings.TimeProvider);
        var dataFolder = NodeConnection.DataDirectory(invocation.Surroundings, invocation.Get(_data));
        var samplesFolder = invocation.Surroundings.FullPath(invocation.Get(_samples)!);
        var sampleModels = SampleModels.Find(samplesFolder);
        var arguments = NodeOptionSet.Arguments(
            invocation,
            dataFolder,
            invocation.Get(_port),
            url: null,
            [$"observability:logFile={Path.Combine(dataFolder, "logs", "node.log")}", .. SampleModels.Settings(sampleModels, LocalNode.Administrator)]);

        NodeOptionSet.RefuseTakenPort(invocation.Get(_port), url: null);
        var samples = await SampleAgents.FindAsync(samplesFolder, cancellationToken);
        await using var node = await steps.DoAsync(
            "starting a node",
            () => LocalNode.StartAsync(arguments, NodeOptionSet.Failure, cancellationToken),
            started => $"A node is up at [bold]{Address(started)}[/]");
        using var client = invocation.Open(node.Started.Address, FindKey(invocation, node));
        var user = await client.GetMeAsync(cancellationToken);
        var agents = await steps.DoAsync(
            "publishing the sample agents", () => PublishAsync(client, user.Handle, samples, cancellationToken), DescribeAgents);
        // Data of another administrator: the node was told to serve his, and there are none.
        IReadOnlyList<SampleModel> models = sampleModels.Count == 0 || user.Handle != LocalNode.Administrator
            ? []
            : await steps.DoAsync("loading the sample models", () => SampleModels.ServeAsync(client, sampleModels, invocation.Surroundings.TimeProvider, cancellationToken), DescribeModels);
        var first = FirstTask.Choose(agents);
        var outputPath = Path.Combine(dataFolder, "tour", first.OutputName);
        var task = await steps.DoAsync(
            $"running {first.Agent}",
            progress => RunTaskAsync(client, user.Handle, first, outputPath, progress, cancellationToken),
            done => $"{Format.Escaped(first.Agent)} turned {Format.Size(done.InputBytes)} into {Format.Size(done.Result!.SizeBytes)}");
        var receipt = await steps.DoAsync(
            "checking the receipt", () => CheckReceiptAsync(invocation, client, task, cancellationToken), _ => "The receipt holds: run again here, the same output and the same fuel");

        Tell(screen, node, user, models, first, outputPath, task, receipt, steps);
        if (!invocation.Get(_once))
        {
            screen.Note("[grey]The node stays up. Ctrl-C stops it.[/]");
            return await node.EndAsync() == 0 ? ExitCode.Ok : ExitCode.Refused;
        }

        return await node.StopAsync() == 0 ? ExitCode.Ok : ExitCode.Refused;
    }

    private static string FindKey(Invocation invocation, LocalNode node)
    {
        if (node.Started.AdminKey is { } shown)
            return shown;
        if (File.Exists(node.Started.AdminKeyFile))
            return File.ReadAllText(node.Started.AdminKeyFile).Trim();
        return invocation.Connection.Key
            ?? throw new CommandFailure(
                $"There is no key for the node: {node.Started.AdminKeyFile} was removed.", ExitCode.NotAuthorized, "Give one with --key or STOA_KEY.");
    }

    private static async Task<IReadOnlyList<SampleAgent>> PublishAsync(
        StoaClient client, string publisher, IReadOnlyList<Agents.AgentFolder> samples, CancellationToken cancellationToken)
    {
        var agents = new List<SampleAgent>();
        foreach (var sample in samples)
            agents.Add(await SampleAgents.EnsureAsync(client, publisher, sample, cancellationToken));
        return agents;
    }

    private static async Task<TaskResponse> RunTaskAsync(
        StoaClient client, string publisher, FirstTask first, string outputPath, TaskProgress progress, CancellationToken cancellationToken)
    {
        var submitted = await client.SubmitFileAsync(
            $"{publisher}/{first.Agent}",
            first.InputPath,
            new SubmitOptions { Parameters = first.Parameters, UploadProgress = progress.Upload },
            cancellationToken);
        var task = await TaskFollowing.ToEndAsync(client, submitted, progress, cancellationToken);
        if (task.Result is null)
            throw new CommandFailure($"The task {task.Id} {task.State}: {task.Failure?.Detail}", ExitCode.Refused);
        Directory.CreateDirectory(Path.GetDirectoryName(outputPath)!);
        await using var output = new FileStream(outputPath, FileMode.Create, FileAccess.Write);
        await client.DownloadResultAsync(task, output, progress.Download, cancellationToken);
        return task;
    }

    private static async Task<Receipt> CheckReceiptAsync(Invocation invocation, StoaClient client, TaskResponse task, CancellationToken cancellationToken)
    {
        var node = await client.GetNodeAsync(cancellationToken);
        var check = ReceiptCheck.Verify(await client.GetReceiptAsync(task.Id, cancellationToken), PeerId.Parse(node.PeerId));
        var report = await check.RerunAsync(client, inputFile: null, invocation.Surroundings.TimeProvider, cancellationToken);
        return report.Confirms
            ? check.Receipt
            : throw new CommandFailure($"The receipt {check.Receipt.Id} does not hold: run again, the program gave another output or burnt other fuel.", ExitCode.Refused);
    }

    private static string DescribeAgents(IReadOnlyList<SampleAgent> agents)
    {
        var names = Format.Escaped(string.Join(", ", agents.Select(agent => agent.Published.Name)));
        return agents.Count(agent => agent.IsNew) switch
        {
            0 => $"The sample agents are there: {names}",
            var count when count == agents.Count => $"Published the sample agents: {names}",
            var count => $"Published {count} of the sample agents: {names}",
        };
    }

    private static string DescribeModels(IReadOnlyList<SampleModel> models) =>
        $"Serving the sample models, programs in the sandbox: {Format.Escaped(string.Join(", ", models.Select(model => model.Name)))}";

    private static string Address(LocalNode node) => Format.Escaped(node.Started.Address.ToString().TrimEnd('/'));

    private static void Tell(
        Screen screen, LocalNode node, UserResponse user, IReadOnlyList<SampleModel> models, FirstTask first, string outputPath, TaskResponse task, Receipt receipt, TourSteps steps)
    {
        if (screen.IsJson)
        {
            screen.JsonObject(
                ("address", node.Started.Address.ToString()),
                ("dataFolder", node.Started.DataFolder),
                ("startMs", (long)node.Started.Duration.TotalMilliseconds),
                ("totalMs", (long)steps.Elapsed.TotalMilliseconds),
                ("taskId", task.Id),
                ("agent", task.Agent),
                ("state", task.State),
                ("price", task.Result!.Price),
                ("resultFile", outputPath),
                ("receiptId", receipt.Id.ToString()),
                ("receiptConfirmed", true),
                ("models", models.Select(model => $"{user.Handle}/{model.Name}").ToList()));
            return;
        }

        screen.Line();
        IReadOnlyList<(string Name, string Value)> rows =
        [
            ("Input", $"{Path.GetFileName(first.InputPath)}, {Format.Size(task.InputBytes)}{string.Concat(first.Parameters.Select(parameter => $", {parameter.Key} {parameter.Value}"))}"),
            ("Result", $"{outputPath}, {Format.Size(task.Result!.SizeBytes)} of {task.Result.MediaType}"),
            ("Used", $"{Format.Fuel(task.Result.Usage.Fuel)}, {Format.Size(task.Result.Usage.PeakMemoryBytes)} memory, {Format.Duration(TimeSpan.FromMilliseconds(task.Result.Usage.DurationMs))}"),
            ("Price", $"{Format.Money(task.Result.Price)} of {Format.Money(task.Hold)} that were held"),
            ("Split", ReceiptVerifyCommand.Split(receipt)),
            ("Receipt", $"{receipt.Id}, signed by node {Format.ShortDigest(receipt.NodeKey.PeerId.ToString())}"),
        ];
        if (screen.IsRich)
            screen.Table(["First task", task.Agent], [.. rows.Select(row => (IReadOnlyList<string>)[row.Name, row.Value])]);
        else
            screen.Facts([("First task", Format.Escaped(task.Agent)), .. rows.Select(row => (row.Name, (string?)Format.Escaped(row.Value)))]);
        screen.Line();
        screen.Facts(
            ("API reference", $"[bold]{Address(node)}/reference[/]"),
            ("Data", Format.Escaped(node.Started.DataFolder)),
            ("Key", $"of {Format.Escaped(user.Handle)}, in {Format.Escaped(node.Started.AdminKeyFile)} [grey](./stoa finds it there)[/]"),
            ("Go on with", "./stoa agent list"),
            ("", "./stoa agent new hello"),
            ("", $"./stoa task submit {Format.Escaped(user.Handle)}/{Format.Escaped(first.Agent)} YOUR-FILE"),
            ("", models.Count == 0 ? null : $"./stoa model ask {Format.Escaped(user.Handle)}/{Format.Escaped(models[0].Name)} \"What is a receipt?\""));
        screen.Line();
    }
}
