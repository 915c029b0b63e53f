"""``sipca device ...``."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.commands.arguments import one_of
from cli.options import opened, settings_of
from cli.output import show

Name = Annotated[str, typer.Argument(metavar="NAME", help="The device's name.")]


def list_command(ctx: typer.Context) -> None:
    """All devices, also those that only certificates name.

    Example: sipca device list
    """
    from ca.authority.devices.device import list_devices
    from cli.views.device import devices_text

    settings = settings_of(ctx)
    with opened(settings) as home:
        document = list_devices(home)
    show(document, settings, devices_text)


def show_command(ctx: typer.Context, name: Name) -> None:
    """What is on a device, until when, from which CSR and key, in which context.

    Example: sipca device show sbc1
    """
    from ca.authority.devices.device import show_device
    from cli.views.device import device_text

    settings = settings_of(ctx)
    with opened(settings) as home:
        document = show_device(home, name)
    show(document, settings, device_text)


def set_command(
    ctx: typer.Context,
    name: Name,
    target: Annotated[str | None, typer.Option("--target", "--for", help="Its kind.")] = None,
    context: Annotated[
        int | None,
        typer.Option(
            min=0, max=99, help="Its TLS context; with --certificate that of the certificate."
        ),
    ] = None,
    address: Annotated[
        list[str] | None, typer.Option(metavar="A", help="Name or IP that peers dial; repeatable.")
    ] = None,
    proxy_set: Annotated[
        list[str] | None, typer.Option(metavar="A", help="Address of a Proxy Set; repeatable.")
    ] = None,
    certificate: Annotated[
        str | None,
        typer.Option(metavar="REF", help="A certificate on it that was signed without a device."),
    ] = None,
) -> None:
    """Enter a device, or change what is known of it; what is left out stays.

    Example: sipca device set sbc1 --target audiocodes-7.4 --context 2 --address sbc1.lab.example
    """
    from ca.authority.devices.device import DeviceWishes, set_device
    from cli.device_names import name_meant
    from cli.views.device import device_text

    settings = settings_of(ctx)
    wishes = DeviceWishes(
        target,
        context,
        tuple(address) if address else None,
        tuple(proxy_set) if proxy_set else None,
        certificate,
    )
    with opened(settings) as home:
        meant, intended = name_meant(home, settings, name)
        document = set_device(home, meant, wishes, intended=intended)
    show(document, settings, device_text)


def crib_command(
    ctx: typer.Context,
    name: Name,
    target: Annotated[
        str | None, typer.Option("--target", "--for", help="Another kind of device.")
    ] = None,
    context: Annotated[
        int | None, typer.Option(min=0, max=99, help="The TLS context; default the device's.")
    ] = None,
) -> None:
    """What to type on the device's page before a CSR exists: each field with its selector.

    Example: sipca device crib sbc1
    """
    from ca.authority.devices.crib import device_crib
    from cli.views.device import crib_text

    settings = settings_of(ctx)
    with opened(settings) as home:
        document = device_crib(home, name, target=target, context=context)
    show(document, settings, crib_text)


def remove_command(ctx: typer.Context, name: Name) -> None:
    """Forget a device; its certificates and their history stay.

    Example: sipca device remove sbc1
    """
    from ca.authority.devices.device import remove_device
    from cli.views.device import removed_text

    settings = settings_of(ctx)
    with opened(settings) as home:
        document = remove_device(home, name)
    show(document, settings, removed_text)


def done_command(
    ctx: typer.Context,
    name: Name,
    step: Annotated[str, typer.Option("--step", metavar="STEP", help="trust or certificate.")],
    context: Annotated[
        int | None, typer.Option(min=0, max=99, help="One TLS context; default: all of it.")
    ] = None,
) -> None:
    """Record that a device has the trust files of now, or its current certificate.

    Example: sipca device done sbc1 --step trust
    """
    from ca.authority.devices.plan import STEPS, Step, record_step
    from cli.views.device import done_text

    settings = settings_of(ctx)
    chosen: Step = one_of("--step", step, STEPS)
    with opened(settings) as home:
        document = record_step(home, name, chosen, context=context)
    show(document, settings, done_text)
