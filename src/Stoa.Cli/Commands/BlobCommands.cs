using System.CommandLine;
using Stoa.Cli.Terminal;
using Stoa.Client.Contracts;
using Stoa.Primitives;

namespace Stoa.Cli.Commands;

/// <summary>The commands of <c>stoa blob</c>: content that is stored at the node, by its digest.</summary>
internal static class BlobCommands
{
    public static CommandGroup Create(CommandScope scope) => new(
        "blob",
        "Store content at the node, to name it by its digest.",
        [new("An input for a template or a batch", "stoa blob put samples/image-resize/input/lake.png")],
        new PutCommand(scope),
        new GetCommand(scope),
        new ListCommand(scope),
        new DeleteCommand(scope));

    private static Argument<string> DigestArgument()
    {
        var digest = new Argument<string>("DIGEST") { Description = "As stoa blob put printed it (sha256:…)." };
        digest.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && !ContentHash.TryParse(token.Value, out _))
                result.AddError($"'{token.Value}' is not a digest: those are sha256: and 64 hex digits.");
        });
        return digest;
    }

    private sealed class PutCommand : StoaCommand
    {
        private readonly Argument<string> _file = new("FILE") { Description = "What is stored; - for standard input." };

        public PutCommand(CommandScope scope)
            : base(
                scope,
                "put",
                "Store a file and print its digest. What is there already is not sent again.",
                new("Upload", "stoa blob put samples/image-resize/input/lake.png"),
                new("And fill it into a template", "stoa template submit tmpl_01h2xcejqtf2nbrexx3vqjhp41 --set picture=$(stoa blob put samples/image-resize/input/lake.png) -o small.png")) =>
            Add(_file);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var path = invocation.Get(_file);
            if (path != "-" && Directory.Exists(invocation.Surroundings.FullPath(path)))
                throw new CommandFailure($"{path} is a folder; one file is stored.");
            await using var source = path == "-" ? invocation.Surroundings.Input : File.OpenRead(invocation.Surroundings.FullPath(path));
            var blob = await TaskProgress.RunAsync(
                invocation.Screen, "uploading", progress => invocation.Client.UploadAsync(source, progress.Upload, cancellationToken));
            if (invocation.IsJson)
                invocation.Screen.Json(blob, json => json.BlobResponse);
            else
                invocation.Screen.Line(blob.Digest);
            return ExitCode.Ok;
        }
    }

    private sealed class GetCommand : StoaCommand
    {
        private readonly Argument<string> _digest = DigestArgument();
        private readonly Option<string?> _outputFile = ResultOutput.Option();

        public GetCommand(CommandScope scope)
            : base(
                scope,
                "get",
                "Get stored content, verified against its digest.",
                new CommandExample("Into a file", $"stoa blob get {ContentHash.Of("hello"u8)} -o hello.txt"))
        {
            Add(_digest);
            Add(_outputFile);
        }

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (digest, output) = (invocation.Get(_digest), invocation.Get(_outputFile));
            ResultOutput.RefuseUnwritable(invocation, output);
            if (output is null or "-")
            {
                if (invocation.Surroundings.IsOutputTerminal && output is null)
                    throw new CommandFailure("It may be anything, so it is not written to a terminal.", hint: "Give -o FILE, or -o - to write it all the same.");
                await invocation.Client.DownloadBlobAsync(digest, invocation.Surroundings.Output, cancellationToken: cancellationToken);
                await invocation.Surroundings.Output.FlushAsync(cancellationToken);
                return ExitCode.Ok;
            }

            var path = invocation.Surroundings.FullPath(output);
            await TaskProgress.RunAsync(invocation.Screen, "downloading", async progress =>
            {
                await ResultOutput.SaveAsync(path, file => invocation.Client.DownloadBlobAsync(digest, file, progress.Download, cancellationToken));
                return path;
            });
            if (!invocation.IsJson)
                invocation.Screen.Note($"[grey]Saved as[/] {Format.Escaped(path)}");
            return ExitCode.Ok;
        }
    }

    private sealed class ListCommand : StoaCommand
    {
        private readonly Option<int> _limit = ListLimit.Option();

        public ListCommand(CommandScope scope)
            : base(
                scope,
                "list",
                "List your uploads and outputs in the content store, the largest first.",
                new CommandExample("What takes the room?", "stoa blob list --limit 10")) => Add(_limit);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            var (blobs, hasMore) = await ListLimit.TakeAsync(invocation.Client.ListBlobsAsync(cancellationToken), invocation.Get(_limit));
            if (invocation.IsJson)
            {
                invocation.Screen.Json(new ListResponse<BlobResponse>(blobs), json => json.ListResponseBlobResponse);
                return ExitCode.Ok;
            }

            if (blobs.Count == 0)
            {
                invocation.Screen.Note("Nothing of yours is in the content store, but for programs of agents that you have published.");
                return ExitCode.Ok;
            }

            invocation.Screen.Table(["Digest", "Size"], [.. blobs.Select(blob => (IReadOnlyList<string>)[blob.Digest, Format.Size(blob.SizeBytes)])]);
            ListLimit.TellOfMore(invocation, hasMore);
            return ExitCode.Ok;
        }
    }

    private sealed class DeleteCommand : StoaCommand
    {
        private readonly Argument<string> _digest = DigestArgument();

        public DeleteCommand(CommandScope scope)
            : base(
                scope,
                "delete",
                "Delete stored content of yours for good: it is paid for no more from the next hour on.",
                new CommandExample("What is not needed any more", $"stoa blob delete {ContentHash.Of("hello"u8)}")) => Add(_digest);

        protected override async Task<int> RunAsync(Invocation invocation, CancellationToken cancellationToken)
        {
            await invocation.Client.DeleteBlobAsync(invocation.Get(_digest), cancellationToken);
            if (!invocation.IsJson)
                invocation.Screen.Note("Deleted.");
            return ExitCode.Ok;
        }
    }
}
