using Stoa.Wasm.Wasi.Calls;
using Stoa.Wasm.Wasi.Streams;

namespace Stoa.Wasm.Wasi;

/// <summary>WASI preview 1 for one run of a guest: its descriptors, arguments, clocks and chance.</summary>
/// <remarks>
/// One context serves one instance, from one thread. Functions and their meaning follow the witx of
/// <c>wasi_snapshot_preview1</c> and, where that is silent, POSIX. Calls are charged as <see cref="WasiFuel"/> says; those that
/// wait end when the deadline or the cancellation token of the instance says so.
/// </remarks>
public sealed class WasiContext : IDisposable
{
    /// <summary>The module name by which guests import WASI.</summary>
    public const string ModuleName = "wasi_snapshot_preview1";

    private readonly DescriptorTable _descriptors;
    private readonly StringListCalls _arguments;
    private readonly StringListCalls _environment;
    private readonly ClockCalls _clocks;
    private readonly FdCalls _fds;
    private readonly TransferCalls _transfers;
    private readonly DirectoryCalls _directories;
    private readonly PathOpenCall _opening;
    private readonly PathCalls _paths;
    private readonly PollCalls _polling;
    private readonly ProcessCalls _process;

    /// <summary>Opens the world that the options describe.</summary>
    /// <exception cref="ArgumentException">Arguments or environment variables hold a NUL or are too long, or too much is preopened.</exception>
    /// <exception cref="IOException">A preopened directory cannot be opened.</exception>
    public WasiContext(WasiOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Stdin = options.Stdin ?? GuestInput.Empty();
        Stdout = options.Stdout ?? GuestOutput.Discard();
        Stderr = options.Stderr ?? GuestOutput.Discard();
        _arguments = new StringListCalls(options.Arguments, options.Limits.MaxArgumentBytes);
        _environment = new StringListCalls(
            options.Environment.Select(pair => $"{pair.Key}={pair.Value}"),
            options.Limits.MaxArgumentBytes);
        _descriptors = new DescriptorTable(options.Limits.MaxOpenFiles);
        _clocks = new ClockCalls(options.Clock);
        _fds = new FdCalls(_descriptors, options.Clock);
        _transfers = new TransferCalls(_descriptors, options.Limits);
        _directories = new DirectoryCalls(_descriptors, options.Limits);
        _opening = new PathOpenCall(_descriptors, options.Limits);
        _paths = new PathCalls(_descriptors, options.Clock, options.Limits);
        _polling = new PollCalls(_descriptors, options.Clock, options.Limits);
        _process = new ProcessCalls(_descriptors, options.Random);
        try
        {
            OpenWorld(options);
        }
        catch
        {
            _descriptors.Dispose();
            throw;
        }
    }

    /// <summary>What descriptor 0 was at the start; its count may be watched from any thread.</summary>
    public GuestInput Stdin { get; }

    /// <summary>What descriptor 1 was at the start; its count may be watched from any thread.</summary>
    public GuestOutput Stdout { get; }

    /// <summary>What descriptor 2 was at the start; its count may be watched from any thread.</summary>
    public GuestOutput Stderr { get; }

    /// <summary>Defines all functions of WASI preview 1 for a module to import.</summary>
    public void DefineIn(Imports imports)
    {
        ArgumentNullException.ThrowIfNull(imports);
        // Most guests import a few of them, and live for less time than it takes to make the others.
        imports.AddModule(ModuleName, name => Body(name) is { } body ? Function.FromDelegate(body) : null);
    }

    /// <summary>Runs a command: calls <c>_start</c>, and gives the exit code, 0 where the guest just returns.</summary>
    /// <exception cref="MissingExportException">There is no <c>_start</c> without parameters and results.</exception>
    /// <exception cref="TrapException">The guest trapped or reached a limit of the engine.</exception>
    /// <exception cref="OutputLimitExceededException">The guest wrote too much.</exception>
    public int RunCommand(Instance instance, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(instance);
        if (instance.GetFunction("_start") is not { Type: { Parameters.Length: 0, Results.Length: 0 } } start)
            throw new MissingExportException("_start");
        try
        {
            start.Invoke([], cancellationToken);
            return 0;
        }
        catch (ProcessExitException exit)
        {
            return unchecked((int)exit.ExitCode);
        }
        finally
        {
            Stdout.Flush();
            Stderr.Flush();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _descriptors.Dispose();

    private void OpenWorld(WasiOptions options)
    {
        Add(new InputDescriptor(Stdin));
        Add(new OutputDescriptor(Stdout));
        Add(new OutputDescriptor(Stderr));
        foreach (var preopen in options.Preopens)
        {
            Add(new DirectoryDescriptor(
                preopen.FileSystem.OpenRoot(),
                RightsOf.Directory,
                RightsOf.InheritedFromDirectory,
                FdFlags.None,
                preopen.GuestPath));
        }
    }

    private Delegate? Body(string name) =>
        ProcessBody(name) ?? DescriptorBody(name) ?? TransferBody(name) ?? PathBody(name) ?? SocketBody(name);

    private void Add(Descriptor descriptor)
    {
        if (_descriptors.Add(descriptor, out _) == Errno.Success)
            return;
        descriptor.Dispose();
        throw new ArgumentException("More is preopened than descriptors are allowed.", nameof(descriptor));
    }

    private Delegate? ProcessBody(string name) => name switch
    {
        "args_get" => (Caller c, uint pointers, uint bytes) => Code(_arguments.Get(new(c), pointers, bytes)),
        "args_sizes_get" => (Caller c, uint count, uint bytes) => Code(_arguments.GetSizes(new(c), count, bytes)),
        "environ_get" => (Caller c, uint pointers, uint bytes) => Code(_environment.Get(new(c), pointers, bytes)),
        "environ_sizes_get" => (Caller c, uint count, uint bytes) => Code(_environment.GetSizes(new(c), count, bytes)),
        "clock_res_get" => (Caller c, uint id, uint result) => Code(_clocks.GetResolution(new(c), id, result)),
        "clock_time_get" => (Caller c, uint id, ulong _, uint result) => Code(_clocks.GetTime(new(c), id, result)),
        "random_get" => (Caller c, uint address, uint length) => Code(_process.GetRandom(new(c), address, length)),
        "proc_exit" => (Caller _, uint code) => ProcessCalls.Exit(code),
        "proc_raise" => (Caller c, uint signal) => Code(new Guest(c), ProcessCalls.Raise(signal)),
        "sched_yield" => (Caller c) => Code(new Guest(c), Errno.Success),
        "poll_oneoff" => (Caller c, uint subscriptions, uint events, uint count, uint result) =>
            Code(_polling.Poll(new(c), subscriptions, events, count, result)),
        _ => null,
    };

    private Delegate? DescriptorBody(string name) => name switch
    {
        "fd_advise" => (Caller c, int fd, ulong _, ulong _, uint advice) => Code(new Guest(c), _fds.Advise(fd, advice)),
        "fd_allocate" => (Caller c, int fd, ulong offset, ulong length) => Code(new Guest(c), _fds.Allocate(fd, offset, length)),
        "fd_close" => (Caller c, int fd) => Code(new Guest(c), _fds.Close(fd)),
        "fd_datasync" => (Caller c, int fd) => Code(_fds.Sync(new(c), fd, dataOnly: true)),
        "fd_fdstat_get" => (Caller c, int fd, uint result) => Code(_fds.GetFdstat(new(c), fd, result)),
        "fd_fdstat_set_flags" => (Caller c, int fd, uint flags) => Code(new Guest(c), _fds.SetFlags(fd, flags)),
        "fd_fdstat_set_rights" => (Caller c, int fd, ulong rights, ulong inheriting) =>
            Code(new Guest(c), _fds.SetRights(fd, rights, inheriting)),
        "fd_filestat_get" => (Caller c, int fd, uint result) => Code(_fds.GetFilestat(new(c), fd, result)),
        "fd_filestat_set_size" => (Caller c, int fd, ulong size) => Code(new Guest(c), _fds.SetSize(fd, size)),
        "fd_filestat_set_times" => (Caller c, int fd, ulong accessed, ulong modified, uint flags) =>
            Code(new Guest(c), _fds.SetTimes(fd, accessed, modified, flags)),
        "fd_prestat_get" => (Caller c, int fd, uint result) => Code(_fds.GetPrestat(new(c), fd, result)),
        "fd_prestat_dir_name" => (Caller c, int fd, uint address, uint length) =>
            Code(_fds.GetPrestatName(new(c), fd, address, length)),
        "fd_renumber" => (Caller c, int fd, int to) => Code(new Guest(c), _fds.Renumber(fd, to)),
        "fd_sync" => (Caller c, int fd) => Code(_fds.Sync(new(c), fd, dataOnly: false)),
        "fd_tell" => (Caller c, int fd, uint result) => Code(_fds.Tell(new(c), fd, result)),
        "fd_seek" => (Caller c, int fd, long offset, uint whence, uint result) =>
            Code(_fds.Seek(new(c), fd, offset, whence, result)),
        _ => null,
    };

    private Delegate? TransferBody(string name) => name switch
    {
        "fd_read" => (Caller c, int fd, uint buffers, uint count, uint result) =>
            Code(_transfers.Read(new(c), fd, new(buffers, count, result))),
        "fd_pread" => (Caller c, int fd, uint buffers, uint count, ulong offset, uint result) =>
            Code(_transfers.ReadAt(new(c), fd, new(buffers, count, result), offset)),
        "fd_write" => (Caller c, int fd, uint buffers, uint count, uint result) =>
            Code(_transfers.Write(new(c), fd, new(buffers, count, result))),
        "fd_pwrite" => (Caller c, int fd, uint buffers, uint count, ulong offset, uint result) =>
            Code(_transfers.WriteAt(new(c), fd, new(buffers, count, result), offset)),
        "fd_readdir" => (Caller c, int fd, uint address, uint length, ulong cookie, uint result) =>
            Code(_directories.Read(new(c), fd, address, length, cookie, result)),
        _ => null,
    };

    private Delegate? PathBody(string name) => name switch
    {
        "path_create_directory" => (Caller c, int fd, uint path, uint length) =>
            Code(_paths.CreateDirectory(new(c), new(fd, path, length))),
        "path_filestat_get" => (Caller c, int fd, uint lookup, uint path, uint length, uint result) =>
            Code(_paths.GetFilestat(new(c), new(fd, path, length), lookup, result)),
        "path_filestat_set_times" => (
            Caller c, int fd, uint lookup, uint path, uint length, ulong accessed, ulong modified, uint flags) =>
            Code(_paths.SetTimes(new(c), new(fd, path, length), lookup, accessed, modified, flags)),
        "path_link" => (Caller c, int fd, uint lookup, uint path, uint length, int toFd, uint toPath, uint toLength) =>
            Code(_paths.HardLink(new(c), new(fd, path, length), lookup, new(toFd, toPath, toLength))),
        "path_open" => (
            Caller c, int fd, uint lookup, uint path, uint length, uint flags, ulong rights, ulong inheriting, uint fdFlags, uint result) =>
            Code(_opening.Open(new(c), new(fd, lookup, path, length, flags, rights, inheriting, fdFlags, result))),
        "path_readlink" => (Caller c, int fd, uint path, uint length, uint address, uint bytes, uint result) =>
            Code(_paths.ReadLink(new(c), new(fd, path, length), address, bytes, result)),
        "path_remove_directory" => (Caller c, int fd, uint path, uint length) =>
            Code(_paths.RemoveDirectory(new(c), new(fd, path, length))),
        "path_rename" => (Caller c, int fd, uint path, uint length, int toFd, uint toPath, uint toLength) =>
            Code(_paths.Rename(new(c), new(fd, path, length), new(toFd, toPath, toLength))),
        "path_symlink" => (Caller c, uint target, uint targetLength, int fd, uint path, uint length) =>
            Code(_paths.CreateLink(new(c), target, targetLength, new(fd, path, length))),
        "path_unlink_file" => (Caller c, int fd, uint path, uint length) =>
            Code(_paths.Unlink(new(c), new(fd, path, length))),
        _ => null,
    };

    private Delegate? SocketBody(string name) => name switch
    {
        "sock_accept" => (Caller c, int fd, uint _, uint _) => Code(new Guest(c), _process.Socket(fd)),
        "sock_recv" => (Caller c, int fd, uint _, uint _, uint _, uint _, uint _) => Code(new Guest(c), _process.Socket(fd)),
        "sock_send" => (Caller c, int fd, uint _, uint _, uint _, uint _) => Code(new Guest(c), _process.Socket(fd)),
        "sock_shutdown" => (Caller c, int fd, uint _) => Code(new Guest(c), _process.Socket(fd)),
        _ => null,
    };

    private static int Code(Errno errno) => (int)errno;

    // For calls that touch no memory: making the guest charges for the call, before the answer is worked out.
    private static int Code(Guest _, Errno errno) => (int)errno;
}
