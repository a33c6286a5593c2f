"""What the controller of jobset is given; what it has in common with the other is tested with both."""

from components.training import jobset_controller


def test_its_webhooks_are_served_in_its_own_namespace() -> None:
    assert jobset_controller.webhook_host("training") == "jobset-webhook-service.training.svc"


def test_its_own_certificates_are_not_managed_by_it() -> None:
    settings = jobset_controller.settings()
    assert {"enable": False} in (settings.get("certManagement"), settings.get("internalCertManagement"))
    assert settings["leaderElection"]["resourceName"] == "jobset.plinth.dev"
